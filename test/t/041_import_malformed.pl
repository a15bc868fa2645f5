# Malformed files: each gives exactly one error, of the class it should have, in vecstore_inspect, in the reading
# functions and in vecstore_import; and the session goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('malformed');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

# SQLSTATEs
my ($bad, $unsupported, $data) = ('22P04', '0A000', '22000');
my ($missing, $no_file, $forbidden, $name, $limit) = ('58P01', '42809', '42501', '42602', '54000');

my @cases;    # [ name, path, reader, expected state of inspect ('' is none), of reading ]
sub add_path { my ($what, $path, $reader, $state, $read_state) = @_; push @cases, [ $what, $path, $reader, $state, $read_state // $state ] }

sub add {
    my ($reader, $what, $content, $state, $read_state) = @_;
    my $path = sprintf '%s/%03d.%s', $folder, scalar @cases, $reader;
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $content;
    close $f;
    add_path("$reader: $what", $path, $reader, $state, $read_state);
    return;
}

# -------------------------------------------------------------------------------------------------- npy

sub npy_raw {
    my ($major, $minor, $dict, $data) = @_;
    return "\x93NUMPY" . pack('CC', $major, $minor) . pack($major == 1 ? 'v' : 'V', length $dict) . $dict . $data;
}
sub dict { my ($descr, $shape) = @_; return "{'descr': '$descr', 'fortran_order': False, 'shape': $shape, }\n" }
my $six = pack 'f<*', 1 .. 6;
sub npy { my ($descr, $shape, $content) = @_; return npy_raw(1, 0, dict($descr, $shape), $content // $six) }

# cut at every boundary of the header and in the data
for my $major (1, 2, 3) {
    my $good = npy_raw($major, 0, dict('<f4', '(2, 3)'), $six);
    my $start = length($good) - length $six;
    my %cuts = map { $_ => 1 } 1, 5 .. 12, 30, $start - 1, $start, $start + 1, $start + 4, $start + 23;
    add('npy', "version $major cut at byte $_", substr($good, 0, $_), $_ < 6 ? $unsupported : $bad, $bad) for sort { $a <=> $b } keys %cuts;
}
for my $shape ('(2, 4)', '(3, 3)', '(1000000000, 3)', '(65536, 65536)', '(4294967296, 4294967296)',
    '(9223372036854775807, 1)', '(9223372036854775807, 9223372036854775807)', '(9223372036854775808, 1)',
    '(18446744073709551616, 1)', '(' . '9' x 5000 . ', 1)', '(-2, 3)', '(2, -3)', '(2.0, 3)', '(2 3)', '(2, 3', '2, 3',
    '[2, 3]', '(True, 3)', '(0x2, 3)', '(2, 0)', '(2,, 3)', '(' . '1, ' x 100 . ')') {
    add('npy', 'shape ' . substr($shape, 0, 50), npy('<f4', $shape), $bad);
}
add('npy', "shape $_", npy('<f4', $_), $unsupported) for '()', '(1, 2, 3)', '(1, 1, 1, 6)';
add('npy', "type $_", npy($_, '(2, 3)'), $unsupported) for '|O', '<U12', '|S8', '<c8', '<f16', '<M8[ns]', '|V4', '<f3', '<x4', 'f44', '>i16';
add('npy', "type '$_'", npy($_, '(2, 3)'), $bad) for '', '<', '|';
add('npy', 'type with a quote', npy("<f4'", '(2, 3)'), $bad);
for my $dict ('', 'x', '{', '{}', '()', "{'descr'}", "{'descr': }", "{'descr': '<f4'}", "{'descr': '<f4', 'shape': (2, 3)}",
    "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'shape': (2, 3)}", dict('<f4', '(2, 3)') . 'import os',
    "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (2, 3)}", '{' x 60000, "\0" x 100,
    "\xff\xfe" x 50, "{'desc\\x72': '<f4', 'fortran_order': False, 'shape': (2, 3)}") {
    add('npy', 'header ' . (substr($dict, 0, 60) =~ s/[^ -~]/./gr), npy_raw(1, 0, $dict, $six), $bad);
}
add('npy', 'structured type', npy_raw(1, 0, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}", $six), $unsupported);
add('npy', "version $_->[0].$_->[1]", npy_raw(@$_, dict('<f4', '(2, 3)'), $six), $unsupported) for [ 0, 0 ], [ 1, 1 ], [ 4, 0 ], [ 255, 255 ];
add('npy', 'a header longer than the file', "\x93NUMPY\2\0" . pack('V', 1000) . dict('<f4', '(2, 3)'), $bad);
add('npy', 'a huge header', "\x93NUMPY\2\0" . pack('V', 0xffffffff) . dict('<f4', '(2, 3)') . 'x' x 100000, $bad);
add('npy', 'wrong magic', "\x93NUMPZ" . substr(npy('<f4', '(2, 3)'), 6), $unsupported, $bad);
add('npy', 'Git LFS pointer', "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 407515264\n", $bad);
add('npy', 'zip archive', "PK\3\4" . "\0" x 100, $unsupported, $bad);
add('npy', 'not finite', npy('<f4', '(2, 3)', pack 'f<*', 1 .. 5, $_), '', $data) for 9**9**9, -9**9**9, -sin(9**9**9);
add('npy', 'beyond float32', npy('<f8', '(1, 3)', pack 'd<*', 1, 2, 1e39), '', $data);
add('npy', 'too many dimensions', npy('|u1', '(1, 16001)', "\1" x 16001), '', $limit);
add('npy', 'one enormous vector', npy('|u1', '(100000,)', "\1" x 100000), '', $limit);

# ------------------------------------------------------------------------------------------------- faiss

sub header { my ($code, $dims, $rows, $metric) = @_; return $code . pack('l<q<q<q<Cl<', $dims, $rows, 1 << 20, 1 << 20, 1, $metric) . ($metric > 1 ? pack('f<', 0) : '') }
sub flat { my ($code, $metric) = @_; return header($code, 3, 2, $metric) . pack('Q<', 6) . $six }
sub mapped { my ($code, $inner, @ids) = @_; return header($code, 3, 2, 1) . $inner . pack('Q<q<*', scalar @ids, @ids) }

# cut at every field of the headers
my @fields = (4, 8, 16, 24, 32, 33, 37);
my $flat = flat('IxF2', 1);
add('faiss', "IxF2 cut at byte $_", substr($flat, 0, $_), $_ < 4 ? $unsupported : $bad, $bad) for 1, @fields, 41, 45, 46, 68;
my $other = flat('IxFl', 3);
add('faiss', "IxFl cut at byte $_", substr($other, 0, $_), $bad) for 37, 39, 41, 49, 72;
my $mapped = mapped('IxMp', $flat, 10, 20);
add('faiss', "IxMp cut at byte $_", substr($mapped, 0, $_), $bad)
  for @fields, (map { 37 + $_ } @fields), 82, 105, 106, 110, 114, 122, 129;

my $body = pack('Q<', 6) . $six;
add('faiss', "dims $_", header('IxF2', $_, 2, 1) . $body, $bad) for -1, -2147483648, 0, 4, 2147483647;
add('faiss', "rows $_", header('IxFI', 3, $_, 0) . $body, $bad) for -1, 1, 3, 9223372036854775807, -9223372036854775807;
add('faiss', "values $_", header('IxF2', 3, 2, 1) . pack('Q<', $_) . $six, $bad)
  for 0, 5, 7, 24, 1 << 32, 1 << 62, (1 << 62) + 6, 18446744073709551615;
add('faiss', 'values that agree but are not there', header('IxF2', 1 << 30, 1 << 31, 1) . pack('Q<', 1 << 61) . $six, $bad);
add('faiss', 'values that agree and overflow', header('IxF2', 2, (1 << 62) - 1 + (1 << 62), 1) . pack('Q<', 18446744073709551614) . $six, $bad);
add('faiss', "$_ ids", mapped('IxM2', $flat, 1 .. $_), $bad) for 0, 1, 3;
add('faiss', "$_ ids announced", header('IxMp', 3, 2, 1) . $flat . pack('Q<q<*', $_, 1, 2), $bad) for 1 << 61, 18446744073709551615;
add('faiss', 'an id map in an id map', mapped('IxMp', $mapped, 1, 2), $unsupported);
add('faiss', 'a bomb of id maps', header('IxMp', 3, 2, 1) x 100000, $unsupported);
add('faiss', "unknown inner code", header('IxMp', 3, 2, 1) . 'ABCD' . 'x' x 100, $bad);
add('faiss', "unsupported $_", header($_, 3, 2, 1) . $body, $unsupported)
  for qw(IHNf IHNs IHNp IHN2 IHNc IHc2 IwFl IwSq IwPQ IxPq IxSQ IxPT IxRF IBxF IBMp IBHf IxHe IxHE null);
add('faiss', "unsupported inner $_", header('IxMp', 3, 2, 1) . header($_, 3, 2, 1) . $body, $unsupported) for qw(IHNf IwFl IBxF null);
add('faiss', "wrong magic", "\0\0\0\0" . substr($flat, 4), $unsupported, $bad);
add('faiss', 'NaN', header('IxF2', 3, 2, 1) . pack('Q<f<*', 6, 1 .. 5, -sin(9**9**9)), '', $data);
add('faiss', 'too many dimensions', header('IxF2', 16001, 1, 1) . pack('Q<f<*', 16001, 1 .. 16001), '', $limit);

# ------------------------------------------------------------------------------------------- not files at all

add($_, 'empty', '', $bad) for 'npy', 'faiss';
add('npy', 'one byte', "\x93", $unsupported, $bad);
POSIX::mkfifo("$folder/fifo", 0644) or die "mkfifo: $!";
symlink "$folder/fifo", "$folder/to_fifo" or die "symlink: $!";
symlink "$folder/nowhere", "$folder/dangling" or die "symlink: $!";
symlink "$folder/loop", "$folder/loop" or die "symlink: $!";
add_path('a pipe', "$folder/fifo", 'npy', $no_file);
add_path('a link to a pipe', "$folder/to_fifo", 'npy', $no_file);
add_path('a folder', $folder, 'npy', $no_file);
add_path('a device', '/dev/zero', 'faiss', $no_file);
add_path('a missing file', "$folder/missing.npy", 'npy', $missing);
add_path('a file under a file', $cases[0][1] . '/x.npy', 'npy', $no_file);
add_path('a dangling link', "$folder/dangling", 'npy', $missing);
add_path('a relative path', 'relative.npy', 'npy', $name);
add_path('an empty path', '', 'npy', $name);
add_path('a link to itself', "$folder/loop", 'npy', 'any');
add_path('a path that is too long', '/' . 'x' x 5000, 'npy', 'any');
add_path('a file in /proc', '/proc/self/stat', 'faiss', $bad);

cmp_ok(scalar @cases, '>=', 100, scalar(@cases) . ' malformed files');

# ---------------------------------------------------------------------------------------------- one session

# All in one psql, whose output tells the statements apart.
my $script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\nCREATE TABLE target (embedding vector);\n"
  . "CREATE TEMP TABLE session AS SELECT pg_backend_pid() AS pid;\n";
my @statements;    # [ name, expected state ]
for my $case (@cases) {
    my ($what, $path, $reader, $state, $read_state) = @$case;
    push @statements, [ "$what: vecstore_inspect", $state ];
    $script .= "\\warn === $#statements\nSELECT format FROM vecstore_inspect('$path') \\g /dev/null\n";
    push @statements, [ "$what: vecstore_read_$reader", $read_state ];
    $script .= "\\warn === $#statements\nSELECT count(*) FROM vecstore_read_$reader('$path');\n";
    push @statements, [ "$what: vecstore_import", $read_state ];
    $script .= "\\warn === $#statements\nCALL vecstore_import('target', '$path', format => '$reader');\n";
}
$script .= "\\warn === end\nSELECT 'same session: ' || (pid = pg_backend_pid()) || ', rows: ' || (SELECT count(*) FROM target) FROM session;\n";
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
like($out, qr/same session: true, rows: 0/, 'the backend lives, and nothing has come in');

my %answers;
my $current;
for (split /\n/, $err) {
    if (/^=== (\w+)/) { $current = $1; $answers{$current} = []; next }
    push @{ $answers{$current} }, $1 if defined $current && /(?:ERROR|FATAL|PANIC): +(.*)/;
}
for my $i (0 .. $#statements) {
    my ($what, $state) = @{ $statements[$i] };
    my @errors = @{ $answers{$i} // ['no answer'] };
    my $wanted = $state eq '' ? 0 : 1;
    my $right = @errors == $wanted && ($wanted == 0 || $state eq 'any' || $errors[0] =~ /^\Q$state\E: /);
    ok($right, "$what: " . ($state || 'no error')) or diag("got: @errors");
}
# Whatever is wrong, the message names the file, and the place in it.
my @vague = grep { /^22P04/ && !/file ".+" at byte \d+: \S+ \S/ } map { @$_ } values %answers;
is("@vague", '', 'errors of malformed files name file, offset and reason');

done_testing();
