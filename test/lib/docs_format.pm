# docs/index-format.md against src/core/storage: offsets, sizes and kinds of pages, by a program that is compiled.
package docs_format;

use strict;
use warnings;
use utf8;

use Exporter 'import';
use IPC::Run ();
use Test::More;
use docs_pages;

our @EXPORT = qw(compare_with_structs);

# Two fields at one place.
my %unions = ('NodeHead.all_rows' => 1);

# ({name, size, fields => [[offset, bytes, name]]}, ...), and {kind => number}
sub read_page {
    my ($text) = @_;
    my (@structs, %kinds);
    for my $line (split /\n/, $text) {
        if ($line =~ /^`(\w+)`, (\d+) bytes:$/) { push @structs, { name => $1, size => $2, fields => [] } }
        elsif ($line =~ /^\| (\d+) \| (\d+) \| `(\w+)` \|/) { push @{ $structs[-1]{fields} }, [ $1, $2, $3 ] }
        elsif ($line =~ /^\| (\d+) \| `(\w+)` \|/) { $kinds{$2} = $1 }
    }
    return (\@structs, \%kinds);
}

sub compare_with_structs {
    my ($path, $root) = @_;
    my ($structs, $kinds) = read_page(docs_pages::slurp($path));
    my @asserts;
    for my $struct (@$structs) {
        my ($name, $end) = ($struct->{name}, 0);
        push @asserts, "static_assert(sizeof($name) == $struct->{size});";
        for my $field (@{ $struct->{fields} }) {
            my ($offset, $bytes, $of) = @$field;
            push @asserts, "static_assert(offsetof($name, $of) == $offset && sizeof($name\::$of) == $bytes);";
            next if $unions{"$name.$of"};
            is($offset, $end, "docs/index-format.md: $name.$of comes next") if $offset != $end;
            $end = $offset + $bytes;
        }
        is($end, $struct->{size}, "docs/index-format.md: all fields of $name");
    }
    push @asserts, "static_assert(static_cast<int>(PageKind::$_) == $kinds->{$_});" for sort keys %$kinds;
    push @asserts, 'static_assert(static_cast<int>(last_page_kind) == ' . (keys(%$kinds) - 1) . ');';
    my $includes = join "\n", map { s,^\Q$root\E/src/,,; "#include \"$_\"" } glob("$root/src/core/storage/*_layout.hpp");
    my $program = "#include <cstddef>\n$includes\nusing namespace vecstore::core;\n" . join("\n", @asserts) . "\n";
    my $complaints = '';
    my $ok = IPC::Run::run([ 'g++', '-std=c++17', '-fsyntax-only', '-Wno-invalid-offsetof', "-I$root/src", '-x', 'c++', '-' ], '<', \$program, '>&', \$complaints);
    ok($ok, 'docs/index-format.md: ' . @asserts . ' sizes and offsets are those of the structs') or diag($complaints);
    return;
}

1;
