# docs/reference.md against the catalogs, in both directions: what the extension has is there, and nothing else.
#
# A section ("## Types") has tables, and what they name is the code in their first column: one thing in a row, in the
# section "Internal" any number of them. Further columns that are compared are code, too.
package docs_reference;

use strict;
use warnings;
use utf8;

use Exporter 'import';
use Test::More;
use Vecstore;
use docs_pages;

our @EXPORT = qw(compare_with_catalogs);

my $node;

sub rows {
    my ($sql) = @_;
    my $members = "WITH m AS (SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecstore')) ";
    return split /\n/, $node->safe_psql('reference', load_library() . $members . $sql);
}

sub compare_with_catalogs {
    my ($path, $root);
    ($node, $path, $root) = @_;
    $node->safe_psql('postgres', 'CREATE DATABASE reference');
    $node->safe_psql('reference', 'CREATE EXTENSION vecstore');
    my $page = read_tables($path);
    my %internal = map { $_ => 1 } map { @{ $_->{names} } } @{ $page->{Internal} };

    same('types', [ map { $_->{names}[0] =~ s/\(.*//r } @{ $page->{Types} } ],
        [ rows("SELECT typname FROM m JOIN pg_type t ON t.oid = objid WHERE classid = 'pg_type'::regclass AND typtype = 'b' AND typelem = 0") ]);
    same('operators', [ map { with_result($_) } @{ $page->{Operators} } ], [ grep { !$internal{ s/ →.*//r } } operators() ]);
    same('functions', [ map { with_result($_) } @{ $page->{Functions} } ], [ grep { !$internal{ s/ →.*//r } } functions() ]);
    same('casts', [ map { join ' → ', code($_, 0), code($_, 1), $_->{cells}[2] } @{ $page->{Casts} } ], [ casts() ]);
    same('access methods', [ map { $_->{names}[0] } @{ $page->{'Access methods'} } ],
        [ rows("SELECT amname FROM m JOIN pg_am a ON a.oid = objid WHERE classid = 'pg_am'::regclass") ]);
    same('operator classes', [ map { described($_) } @{ $page->{'Operator classes'} } ], [ operator_classes() ]);
    same('settings', [ map { described($_) } @{ $page->{Settings} } ], [ settings() ]);
    same('views', [ map { $_->{names}[0] } @{ $page->{Views} } ], [ grep { !$internal{$_} } relations() ]);
    my %catalog = map { s/ →.*//r => 1 } operators(), functions();
    $catalog{$_} = 1 for relations(), rows("SELECT evtname FROM m JOIN pg_event_trigger e ON e.oid = objid WHERE classid = 'pg_event_trigger'::regclass");
    same('internal things', [ sort keys %internal ],
        [ grep { $internal{$_} || /^vecstore_(import_state|import_batch|import_id_seq|make_way|take_names)$/ } sort keys %catalog ]);
    my %described = map { $_ => 1 } map { /^(\w+)\(.* → (?:SETOF )?record$/ } functions();
    is_deeply([ grep { !$page->{columns}{$_} } sort grep { !/^vecstore_load_/ } keys %described, 'vecstore_import_progress' ], [],
        'docs/reference.md: all that has columns');
    same("columns of $_", $page->{columns}{$_}, [ columns_of($_) ], 'in order') for sort keys %{ $page->{columns} };
    compare_options($page, $root);
    compare_program($page);
    return;
}

sub same {
    my ($what, $documented, $there, $in_order) = @_;
    s/^ +// for @$there;
    is_deeply([ $in_order ? @$documented : sort @$documented ], [ $in_order ? @$there : sort @$there ], "docs/reference.md: $what");
    return;
}

# ------------------------------------------------------------------------------------------------ the page

# {section => [{names, cells}]}, and {columns => {name => ["column type"]}} of headings "### Columns of `name`".
sub read_tables {
    my ($path) = @_;
    open my $f, '<:encoding(UTF-8)', $path or die "$path: $!";
    my ($section, $columns, %page) = ('', undef);
    while (my $line = <$f>) {
        if ($line =~ /^## (.*?)\s*$/) { ($section, $columns) = ($1, undef) }
        elsif ($line =~ /^###+ (?:Columns of `(\w+)`)?/) { $columns = $1 }
        next if $line !~ /^\| *`/;
        my @cells = map { s/\\\|/|/gr } split / \| /, $line =~ s/^\| | \|\s*$//gr, -1;
        my %row = (cells => \@cells, names => [ $cells[0] =~ /`([^`]+)`/g ]);
        if ($columns) { push @{ $page{columns}{$columns} }, "$row{names}[0] " . code(\%row, 1) }
        else { push @{ $page{$section} }, \%row }
    }
    return \%page;
}

sub code { my ($row, $column) = @_; my ($code) = ($row->{cells}[$column] // '') =~ /`([^`]*)`/; return $code // '' }

sub with_result { my ($row) = @_; return "$row->{names}[0] → " . code($row, 1) }

# Name and all cells of code.
sub described { my ($row) = @_; return join ' | ', map { code($row, $_) } grep { $row->{cells}[$_] =~ /^`[^`]*`$/ } 0 .. $#{ $row->{cells} } }

# ------------------------------------------------------------------------------------------- the catalogs

# As the page writes them: without OUT parameters, IN, and the types of defaults.
sub functions {
    my @found = rows("SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ') → ' || coalesce(pg_get_function_result(p.oid), '')
        FROM m JOIN pg_proc p ON p.oid = objid WHERE classid = 'pg_proc'::regclass");
    for (@found) {
        s/,? ?OUT [^,)]+//g;
        s/\bIN (?=["\w])//g;
        s/(NULL|'[^']*')::\w+/$1/g;
        utf8::decode($_);
    }
    return @found;
}

sub operators {
    return map { utf8::decode($_); $_ } rows("SELECT format('%s %s %s → %s', oprleft::regtype, oprname, oprright::regtype, oprresult::regtype)
        FROM m JOIN pg_operator o ON o.oid = objid WHERE classid = 'pg_operator'::regclass");
}

sub casts {
    return map { utf8::decode($_); $_ } rows("SELECT format('%s → %s → %s', castsource::regtype, casttarget::regtype,
            CASE castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'in assignments' ELSE 'explicit' END)
        FROM m JOIN pg_cast c ON c.oid = objid WHERE classid = 'pg_cast'::regclass");
}

# Operators that need no other type; those that only the planner writes are left out.
sub operator_classes {
    return rows("SELECT format('%s | %s | %s | %s%s', opcname, amname, opcintype::regtype,
            (SELECT string_agg(oprname, ' ' ORDER BY amopstrategy) FROM pg_amop o JOIN pg_operator p ON p.oid = amopopr
             WHERE amopfamily = opcfamily AND amoplefttype = opcintype AND amoprighttype = opcintype),
            CASE WHEN opcdefault THEN ' | default' END)
        FROM m JOIN pg_opclass c ON c.oid = objid JOIN pg_am a ON a.oid = opcmethod WHERE classid = 'pg_opclass'::regclass");
}

# (Where pgvector's library is on the server, settings that it has too are strings until it comes, and tell nothing: am/settings.hpp.
# Then the values are those of the other names.)
sub settings {
    return rows("SELECT format('%s | %s | %s%s', s.name, v.vartype, v.boot_val,
            ' | ' || coalesce(array_to_string(v.enumvals, ', '), CASE WHEN v.min_val IS NOT NULL THEN v.min_val || ' to ' || v.max_val END))
        FROM pg_settings s JOIN pg_settings v
            ON v.name = CASE WHEN s.name LIKE 'vecstore.%' OR s.vartype <> 'string' THEN s.name ELSE 'vecstore.' || replace(s.name, '.', '_') END
        WHERE s.name ~ '^(hnsw|ivfflat|vecstore)[.]'");
}

sub relations { return rows("SELECT relname FROM m JOIN pg_class c ON c.oid = objid WHERE classid = 'pg_class'::regclass") }

# Of a view, or of what a function returns.
sub columns_of {
    my ($name) = @_;
    return rows("SELECT a.attname || ' ' || a.atttypid::regtype FROM pg_attribute a WHERE attrelid = to_regclass('$name') AND attnum > 0
        UNION ALL (SELECT n || ' ' || t::regtype FROM (SELECT DISTINCT ON (proname) * FROM pg_proc WHERE proname = '$name' ORDER BY proname, oid) p,
            unnest(proargnames, proargmodes, proallargtypes) WITH ORDINALITY u (n, m, t, i) WHERE u.m IN ('o', 't') ORDER BY i)");
}

# ---------------------------------------------------------------------------------------- index options

# The catalogs do not have them: the source says which there are, the access method which values they take.
sub compare_options {
    my ($page, $root) = @_;
    my $source = join '', map { docs_pages::slurp($_) } glob("$root/src/am/*.{cpp,hpp}"), glob("$root/src/am/*/*.{cpp,hpp}");
    my @defined = $source =~ /add_\w+_reloption\(\w+, "(\w+)"/g;
    same('index options', [ map { $_->{names}[0] } @{ $page->{'Index options'} } ], \@defined);
    $node->safe_psql('reference', 'CREATE TABLE o (v vector(3))');
    for my $row (@{ $page->{'Index options'} }) {
        my ($option, $method, $default, $values) = map { code($row, $_) } 0 .. 3;
        my (undef, undef, $error) = $node->psql('reference',
            "CREATE INDEX ON o USING $method (v vector_l2_ops) WITH ($option = " . ($values =~ /to/ ? '99999999' : 'nonsense') . ')');
        my $said = $error =~ /between "(\d+)" and "(\d+)"/ ? "$1 to $2" : join ', ', $error =~ /Valid values.*/ ? $& =~ /"(\w+)"/g : ();
        is($said, $values, "docs/reference.md: values of option $option of $method");
        my ($written) = grep { defined } $source =~ /\bdefault_$option = (\w+);|\b${option}_values,\s+${option}_(\w+)/;
        is($written, $default, "docs/reference.md: default of option $option of $method");
    }
    return;
}

# -------------------------------------------------------------------------------------------- vecstore-load

sub compare_program {
    my ($page) = @_;
    my ($program) = grep { -x } map { "$_/vecstore-load" } ($ENV{VECSTORE_STAGE} // '') . docs_pages::bindir(), docs_pages::bindir();
  SKIP: {
        skip 'vecstore-load is not installed', 1 if !$program;
        same('options of vecstore-load', [ map { $_->{names}[0] } @{ $page->{'vecstore-load'} } ], [ `$program --help` =~ /^  ((?:-\w, |    )--\S+)/mg ]);
    }
    return;
}

1;
