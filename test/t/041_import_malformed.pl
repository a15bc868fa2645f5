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
sub any_npy { my ($descr, $shape, $content) = @_; return npy_raw(1, 0, dict($descr, $shape), $content // $six) }

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
    add('npy', 'shape ' . substr($shape, 0, 50), any_npy('<f4', $shape), $bad);
}
add('npy', "shape $_", any_npy('<f4', $_), $unsupported) for '()', '(1, 2, 3)', '(1, 1, 1, 6)';
add('npy', "type $_", any_npy($_, '(2, 3)'), $unsupported) for '|O', '<U12', '|S8', '<c8', '<f16', '<M8[ns]', '|V4', '<f3', '<x4', 'f44', '>i16';
add('npy', "type '$_'", any_npy($_, '(2, 3)'), $bad) for '', '<', '|';
add('npy', 'type with a quote', any_npy("<f4'", '(2, 3)'), $bad);
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
add('npy', 'wrong magic', "\x93NUMPZ" . substr(any_npy('<f4', '(2, 3)'), 6), $unsupported, $bad);
add('npy', 'Git LFS pointer', "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 407515264\n", $bad);
add('npy', 'zip archive without a directory', "PK\3\4" . "\0" x 100, $bad);
add('npy', 'not finite', any_npy('<f4', '(2, 3)', pack 'f<*', 1 .. 5, $_), '', $data) for 9**9**9, -9**9**9, -sin(9**9**9);
add('npy', 'beyond float32', any_npy('<f8', '(1, 3)', pack 'd<*', 1, 2, 1e39), '', $data);
add('npy', 'too many dimensions', any_npy('|u1', '(1, 16001)', "\1" x 16001), '', $limit);
add('npy', 'one enormous vector', any_npy('|u1', '(100000,)', "\1" x 100000), '', $limit);

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
  for qw(INSf INSp INNf IvFl IvSQ IvPQ IwFd IwQR IwPf IPfs IxRq IxLS IBFf IBHh IxHe IxHE IwSh null);
add('faiss', "unsupported inner $_", header('IxMp', 3, 2, 1) . header($_, 3, 2, 1) . $body, $unsupported) for qw(INSf IwPf null);
add('faiss', "$_ with another index's content", header($_, 3, 2, 1) . $body, $bad)
  for qw(IHNf IHNs IHNp IHN2 IHNc IHc2 IwFl IwSq IwSQ IwPQ IxPq IxPQ IxPo IxSQ IxPT IxRF IBxF IBMp IBM2 IBHf IBHc IBwF Ix2L);
add('faiss', "wrong magic", "\0\0\0\0" . substr($flat, 4), $unsupported, $bad);
add('faiss', 'NaN', header('IxF2', 3, 2, 1) . pack('Q<f<*', 6, 1 .. 5, -sin(9**9**9)), '', $data);
add('faiss', 'too many dimensions', header('IxF2', 16001, 1, 1) . pack('Q<f<*', 16001, 1 .. 16001), '', $limit);

# -------------------------------------------------------------------------------- npz, hnswlib, fvecs, inner parts

sub zip_member {
    my ($name, $content, %a) = @_;
    my $method = $a{method} // 0;
    my $local = pack('Vvvvvv', 0x04034b50, 20, $a{flags} // 0, $method, 0, 0) . pack('VVVvv', $a{crc} // 0, length $content, $a{size} // length $content, length $name, 0)
      . $name . $content;
    my $entry = pack('Vvvvvvv', 0x02014b50, 20, 20, $a{flags} // 0, $method, 0, 0)
      . pack('VVVvvvvvVV', $a{crc} // 0, $a{packed} // length $content, $a{size} // length $content, length $name, 0, 0, 0, 0, 0, $a{at} // 0) . $name;
    return $local . $entry . pack('VvvvvVVv', 0x06054b50, 0, 0, $a{members} // 1, $a{members} // 1, length $entry, $a{directory} // length $local, 0);
}
my $array = any_npy('<f4', '(2, 3)');
add('npy', "npz: $_->[0]", zip_member('a.npy', $_->[1] // $array, %{ $_->[2] // {} }), $_->[3] // $bad)
  for [ 'not an array', 'x' x 100 ], [ 'encrypted', undef, { flags => 1 }, $unsupported ], [ 'method 9', undef, { method => 9 }, $unsupported ],
  [ 'not deflated', undef, { method => 8 } ], [ 'sizes differ', undef, { size => 1000 } ], [ 'a directory beyond the end', undef, { directory => 1 << 31 } ],
  [ 'a member beyond the end', undef, { at => 1 << 31 } ], [ 'a member longer than the file', undef, { packed => 1 << 31, size => 1 << 31 } ],
  [ 'more members than there are', undef, { members => 100 } ], [ 'a bomb', undef, { method => 8, size => (1 << 32) - 2 } ];
add('npy', 'npz: no members', zip_member('a', '', members => 0), $unsupported);
add('npy', 'npz: only its beginning', substr(zip_member('a.npy', $array), 0, 120), $bad);

sub hnsw { my (%a) = @_;
    my $links = $a{links} // 4;
    my $vector = 4 * $links + 4;
    my @header = (0, $a{max} // 2, $a{elements} // 2, $a{bytes} // $vector + 12 + 8, $a{label} // $vector + 12, $a{vector} // $vector);
    my $element = pack('V', 0) . "\0" x (4 * $links) . pack('f<3', 1, 2, 3) . pack('Q<', 7);
    return pack('Q<6', @header) . pack('l<V', $a{level} // 0, $a{entry} // 0) . pack('Q<3', $a{m} // 2, $links, 2) . pack('d<Q<', 1, 10)
      . $element x 2 . pack('VV', @{ $a{upper} // [ 0, 0 ] }) }
add('hnswlib', 'good', hnsw(), '');
add('hnswlib', "header $_->[0] $_->[1]", hnsw(@$_), $unsupported, $bad)
  for [ elements => 3 ], [ elements => 1 << 60 ], [ bytes => 36 ], [ bytes => 1 << 62 ], [ label => 21 ], [ label => 1 << 61 ], [ vector => 24 ], [ vector => 0 ],
  [ level => -1 ], [ entry => 2 ], [ m => 0 ], [ m => 1 << 40 ];
add('hnswlib', 'more elements than bytes', hnsw(elements => 1 << 30, max => 1 << 30), $bad);
add('hnswlib', "upper links of $_", hnsw(upper => [ 0, $_ ]), $bad) for 1, 12, 4294967295;
add('hnswlib', "cut at byte $_", substr(hnsw(), 0, $_), $_ < 96 ? $unsupported : $bad, $bad) for 8, 40, 95, 96, 100, 150, 180, 183;

add('fvecs', 'rows of other dimensions', pack('l<f<2l<f<2', 2, 1, 2, 3, 1, 2), '', $bad);
add('fvecs', "dimensions $_", pack('l<f<2', $_, 1, 2), $bad) for -1, 0, 3, 1 << 30, 2147483647;
add('fvecs', "cut at byte $_", substr(pack('l<f<2l<f<2', 2, 1, 2, 2, 1, 2), 0, $_), $bad) for 3, 8, 13, 23;
add('fvecs', 'NaN', pack('l<f<2', 2, 1, -sin(9**9**9)), '', $data);

# codes and lists whose numbers contradict each other
sub vector_of { my ($template, @values) = @_; return pack("Q<$template*", scalar @values, @values) }
sub sq { my (%a) = @_; return header('IxSQ', 3, 2, 1) . pack('l<l<f<Q<Q<', $a{type} // 0, 0, 0, $a{dims} // 3, $a{size} // 3) . vector_of('f<', @{ $a{trained} // [ 0, 0, 0, 1, 1, 1 ] }) . vector_of('C', @{ $a{codes} // [ 1 .. 6 ] }) }
add('faiss', 'SQ: good', sq(), '');
add('faiss', "SQ: $_->[0]", sq(@{ $_->[1] }), $_->[2] // $bad) for [ 'type', [ type => 99 ], $unsupported ], [ 'dims', [ dims => 4 ] ], [ 'size', [ size => 4 ] ],
  [ 'few ranges', [ trained => [1] ] ], [ 'few codes', [ codes => [ 1 .. 5 ] ] ];
sub pq { my (%a) = @_; return header('IxPq', 3, 2, 1) . pack('Q<3', 3, $a{parts} // 3, $a{bits} // 1) . vector_of('f<', @{ $a{centroids} // [ 1 .. 6 ] }) . vector_of('C', @{ $a{codes} // [ 1, 2 ] }) . "\0" x 9 }
add('faiss', 'PQ: good', pq(), '');
add('faiss', "PQ: $_->[0]", pq(@{ $_->[1] }), $bad) for [ 'no parts', [ parts => 0 ] ], [ '2 parts', [ parts => 2 ] ], [ 'huge parts', [ parts => 1 << 62 ] ],
  [ 'no bits', [ bits => 0 ] ], [ '64 bits', [ bits => 64 ] ], [ '16 bits', [ bits => 16 ] ], [ 'few centroids', [ centroids => [1] ] ], [ 'few codes', [ codes => [1] ] ];
sub lists { my (%a) = @_;
    return header('IwFl', 3, 2, 1) . pack('Q<2', $a{lists} // 2, 1) . flat('IxF2', 1) . pack('CQ<', 0, 0) . 'ilar' . pack('Q<2', $a{count} // 2, $a{size} // 12)
      . ($a{kind} // 'full') . vector_of('Q<', @{ $a{sizes} // [ 2, 0 ] }) . $six . pack('q<2', 5, 6) }
add('faiss', 'IVF: good', lists(), '');
add('faiss', "IVF: $_->[0]", lists(@{ $_->[1] }), $bad) for [ 'other lists', [ lists => 3 ] ], [ 'huge lists', [ count => 1 << 60 ] ], [ 'code size', [ size => 8 ] ],
  [ 'no code size', [ size => 0 ] ], [ 'kind', [ kind => 'xxxx' ] ], [ 'sizes', [ sizes => [2] ] ], [ 'more rows', [ sizes => [ 2, 1 ] ] ], [ 'huge rows', [ sizes => [ 1 << 60, 0 ] ] ],
  [ 'overflowing rows', [ sizes => [ 18446744073709551615, 2 ] ] ], [ 'odd sparse sizes', [ kind => 'sprs', sizes => [ 0, 2, 1 ] ] ],
  [ 'sparse beyond', [ kind => 'sprs', sizes => [ 9, 2 ] ] ], [ 'sparse twice', [ kind => 'sprs', sizes => [ 0, 1, 0, 1 ] ] ];
add('faiss', 'IVF: lists in a file that is not there', header('IwFl', 3, 2, 1) . pack('Q<2', 1, 1) . flat('IxF2', 1) . pack('CQ<', 0, 0) . 'ilod' . pack('Q<2', 1, 12)
      . pack('Q<4', 1, 2, 2, 0) . pack('Q<', 0) . vector_of('C', unpack 'C*', '/etc/passwd') . pack('Q<', 0), '22023');

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
my $script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\nCREATE TABLE target (id bigint, embedding vector);\n"
  . "CREATE TEMP TABLE session AS SELECT pg_backend_pid() AS pid;\n";
my @statements;    # [ name, expected state ]
for my $case (@cases) {
    my ($what, $path, $reader, $state, $read_state) = @$case;
    my $format = $what =~ /npz:/ ? 'npz' : $reader;
    push @statements, [ "$what: vecstore_inspect", $state ];
    $script .= "\\warn === $#statements\nSELECT format FROM vecstore_inspect('$path') \\g /dev/null\n";
    push @statements, [ "$what: vecstore_read_$reader", $read_state ];
    $script .= "\\warn === $#statements\nSELECT count(*) FROM vecstore_read_$reader('$path');\n";
    push @statements, [ "$what: vecstore_import", $read_state ];
    $script .= "\\warn === $#statements\nCALL vecstore_import('target', '$path', format => '$format');\n";
}
$script .= "\\warn === end\nSELECT 'same session: ' || (pid = pg_backend_pid()) || ', rows: ' || (SELECT count(*) FROM target) FROM session;\n";
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
like($out, qr/same session: true, rows: 8$/m, 'the backend lives, and nothing has come in but the four good files');

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
# Every message names the file, and the place in it.
my @vague = grep { /^22P04/ && !/file ".+" at byte \d+: \S+ \S/ } map { @$_ } values %answers;
is("@vague", '', 'errors of malformed files name file, offset and reason');

done_testing();
