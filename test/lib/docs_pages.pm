# Pages of the documents: their blocks, how one is run, and whether its output is the one that the page shows.
# The notation is in the head of test/docs.
package docs_pages;

use strict;
use warnings;
use utf8;
use open ':std', ':encoding(UTF-8)';

use Encode ();
use File::Basename;
use IPC::Run ();

my %commands = (sql => 1, sh => 1, python => 1);

sub slurp { my ($path) = @_; open my $f, '<:encoding(UTF-8)', $path or die "$path: $!"; local $/; return <$f> }

# {name, text, lines, blocks}: a block has kind, line, text, command (it is run), and what holds for it: output, parameter,
# empty (the page makes the extension), pgvector.
sub read_page {
    my ($path) = @_;
    my $text = slurp($path);
    my (@blocks, $open, %state);
    my @lines = split /\n/, $text;
    my $in_list = '';
    for my $n (0 .. $#lines) {
        my $line = $lines[$n];
        if ($open) {
            if ($line =~ /^\s*```\s*$/) { undef $open }
            else { $line =~ s/^\Q$in_list\E//; $open->{text} .= "$line\n" }
        }
        elsif ($line =~ /^(\s*)```(.*)$/) {
            $in_list = $1;
            $open = { line => $n + 1, text => '', %state, kind_of($2) };
            push @blocks, $open;
        }
        elsif ($line =~ /^<!-- test: (.*) -->$/) { directive(\%state, $1, "$path:" . ($n + 1)) }
    }
    die "$path: a block does not end" if $open;
    join_outputs(\@blocks);
    return { path => $path, text => $text, lines => scalar(@lines), blocks => \@blocks };
}

sub kind_of {
    my ($info) = @_;
    return (kind => 'not run', reason => $1) if $info =~ /^\w+ not run: (\S.*)$/;
    return (kind => 'output') if $info eq '';
    return (kind => $info, command => $commands{$info});
}

sub directive {
    my ($state, $text, $where) = @_;
    if ($text =~ /^\$1 = (.+)$/) { $state->{parameter} = $1 }
    elsif ($text eq 'no extension') { $state->{empty} = 1 }
    elsif ($text eq 'with pgvector') { $state->{pgvector} = 1 }
    else { die "$where: no such directive: $text" }
    return;
}

# Gives each command the output that follows it.
sub join_outputs {
    my ($blocks) = @_;
    for my $n (1 .. $#$blocks) {
        my ($before, $block) = @$blocks[ $n - 1, $n ];
        next if $block->{kind} ne 'output' || !$before->{command};
        $before->{output} = $block->{text};
        $block->{joined} = 1;
    }
    return;
}

sub misplaced_blocks {
    my ($page) = @_;
    return map { "line $_->{line}: $_->{kind}" } grep {
        !$_->{command} && !$_->{joined} && $_->{kind} !~ /^(text|not run)$/
    } @{ $page->{blocks} };
}

# -------------------------------------------------------------------------------------------------- links

sub broken_links {
    my ($page, $root) = @_;
    my @broken;
    my $prose = $page->{text} =~ s/^\s*```.*?^\s*```$//gmsr;
    while ($prose =~ /\]\(([^)\s]+)\)/g) {
        my $target = $1;
        next if $target =~ /^https?:/;
        my ($file, $anchor) = $target =~ /^([^#]*)(?:#(.*))?$/;
        my $path = $file eq '' ? $page->{path} : dirname($page->{path}) . "/$file";
        push @broken, "$target: no such file" if !-e $path;
        push @broken, "$target: no such heading" if -e $path && defined $anchor && !anchors($path)->{$anchor};
    }
    while ($prose =~ /`((?:src|test|sql|expected|docker|docs|\.ci)\/[\w.\/-]+)`/g) {
        push @broken, "$1: no such path" if !path_exists($root, $1);
    }
    return @broken;
}

# (Until the source is laid out as the pages say, its paths are not looked at.)
sub path_exists {
    my ($root, $path) = @_;
    return -e "$root/$path";
}

# As GitHub makes them of headings.
sub anchors {
    my ($path) = @_;
    my (%found, $text);
    $text = slurp($path) =~ s/^\s*```.*?^\s*```$//gmsr;
    for my $heading ($text =~ /^#+ +(.*?)\s*$/gm) {
        my $anchor = lc($heading) =~ s/[^\w\- ]//gr =~ s/ /-/gr;
        my $times = $found{$anchor}++;
        $found{"$anchor-$times"} = 1 if $times > 0;
    }
    return \%found;
}

# ---------------------------------------------------------------------------------------------- running

# The problem with a block: '' for none.
sub run_block {
    my ($place, $block) = @_;
    my $parameter = '$1';
    eval {
        prepare($place, $block);
        $parameter = parameter($place, $block) if $block->{parameter} && $block->{text} =~ /\$1(?!\d)/;
        1;
    } or return "before the block: $@";
    my $text = here($place, $block->{text}) =~ s/\$1(?!\d)/$parameter/gr;
    my ($rc, $output) = run($place, $block->{kind}, $text);
    $output = join("\n", map { s/\s+$//r } split /\n/, $output) . "\n";
    $output =~ s/\Q$place->{folder}\E\/data/\/data/g;
    $output =~ s/\Q$parameter\E/\$1/g;
    $output =~ s/^ +QUERY PLAN\n-+\n//mg;
    my $expected = $block->{output};
    my $should_fail = defined $expected && $expected =~ /^ERROR:/m;
    return "it fails:\n$output" if $rc != 0 && !$should_fail;
    return "it should fail, and gives\n$output" if $rc == 0 && $should_fail;
    return '' if !defined $expected || $output =~ pattern($expected);
    return "expected\n${expected}and got\n$output";
}

# /data and the host of the examples, in this test.
sub here {
    my ($place, $text) = @_;
    $text =~ s,(?<![\w./])/data(?![\w-]),$place->{folder}/data,g;
    $text =~ s/\bhost=db\b/'host=' . $place->{node}->host . ' port=' . $place->{node}->port/ge;
    $text =~ s/\bdbname=app\b/dbname=$place->{database}/g;
    return $text;
}

# The database, when it is first needed.
sub prepare {
    my ($place, $block) = @_;
    my $node = $place->{node};
    return if $place->{made}{ $node->name }++;
    $node->safe_psql('postgres', "CREATE DATABASE $place->{database}");
    $node->safe_psql($place->{database}, 'CREATE EXTENSION vecstore') if !$block->{empty};
    return;
}

sub parameter {
    my ($place, $block) = @_;
    my $query = here($place, $block->{parameter});
    my ($value, $type) = split /\n/, $place->{node}->safe_psql($place->{database}, "SELECT ($query); SELECT pg_typeof(($query))");
    return "'$value'::$type";
}

sub run {
    my ($place, $kind, $text) = @_;
    my $node = $place->{node};
    local @ENV{qw(PGHOST PGPORT PGDATABASE PGOPTIONS)} = ($node->host, $node->port, $place->{database}, '');
    local $ENV{PATH} = ($place->{stage} ? $place->{stage} . bindir() . ':' : '') . "/usr/bin:$ENV{PATH}";
    my @command = $kind eq 'sql' ? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-P', 'pager=off', '-P', 'null=')
      : $kind eq 'sh' ? ('bash', '-e', '-o', 'pipefail')
      : ('/usr/bin/python3', '-');
    my $makes = $kind eq 'sh' && $text =~ /^make /m;
    local $ENV{DESTDIR} = $place->{stage} if $makes && $place->{stage};
    my $output = '';
    chdir($makes ? $place->{root} : "$place->{folder}/data") or die "chdir: $!";
    IPC::Run::run(\@command, '<', \Encode::encode('UTF-8', $text), '>', \$output, '2>&1');
    my $rc = $?;
    chdir $place->{root};
    return ($rc, Encode::decode('UTF-8', $output));
}

my $bindir;
sub bindir {
    chomp($bindir = `$ENV{PG_CONFIG} --bindir`) if !defined $bindir;
    return $bindir;
}

# --------------------------------------------------------------------------------------------- comparing

# The pattern that an output has to match.
sub pattern {
    my ($expected) = @_;
    my $any = '';
    $expected =~ s/\s+\z//;
    for my $line (split /\n/, $expected) {
        $line =~ s/\s+$//;
        if ($line eq '...') { $any .= '(?:.*\n)*?'; next }
        my $quoted = join '.*', map { quotemeta } split /…/, $line, -1;
        # figures of this machine
        $quoted =~ s{\d[\d\\,.]*(?=\\ (?:s|ms|rows\\/s)(?:\W|$))}{[\\d.,]+}g;
        $any .= "$quoted\\n";
    }
    return qr/\A\n*$any\n*\z/;
}

1;
