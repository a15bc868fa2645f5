# Every kind of file: those of the shared testdata by its manifest, and those that the real libraries write. Each comes
# back with the reference's values: bit-equal where the file keeps vectors as they are, else as the library's own
# reconstruct() within float rounding. And malformed variants of each kind: one error each.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $python = $ENV{PYTHON} // '/usr/bin/python3';
my $node = new_node('kinds', 'max_wal_size = 2GB');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;
$ENV{$_} = 1 for qw(OMP_NUM_THREADS OPENBLAS_NUM_THREADS);

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub attempt {
    my ($sql) = @_;
    my ($status, $out, $err) = $node->psql('postgres', $sql);
    return ($status, $err, $out);
}

# -------------------------------------------------------------------------------------------- the shared files

# The manifest's reference reader sees [rows, dims], or the error that is due. Files of several arrays: one
# entry for each. Arguments beyond the path, where the file needs them.
my @shared = (
    [ 'faiss/ivfpq_empty_offline_ivf.faissindex', 0, 8 ],
    [ 'faiss/ivfpq_ondisk_coco.faissindex', 30000, 8 ],
    [ 'faiss/ivfpq_ondisk_coco.faissindex.ivfdata', qr/its format is not recognized/ ],
    [ 'faiss/opq_ivfpq_coco.shard_0', 10000, 8 ],
    [ 'faiss/flat_ip_misnamed_ivfpq.index', 1, 384 ],
    [ 'faiss/hnsw_flat_d384_deputygmit_73.index', 73, 384 ],
    [ 'faiss/ivfflat_d320_80_tawae.index', 80, 320 ],
    [ 'faiss/ivfflat_d320_10_tawae.index', 10, 320 ],
    [ 'faiss/txtai_idmap_flatip_d768_chooyee', 327, 768 ],
    [ 'faiss/idmap_flatip_empty_foggyghost0.faiss', 0, 384 ],
    [ 'faiss/flat_l2_d384_roni_text.faiss', 34, 384 ],
    [ 'faiss/flat_ip_d384_kloros.index', 1893, 384 ],
    [ 'faiss/idmap2_flatip_evanflores.index', 8, 64 ],
    [ 'faiss/opensearch_faiss_binary_50_vectors_512_dim.bin', 50, 512 ],
    [ 'faiss/opensearch_faiss_cagra2_flat_fp16_300_vectors_768_dims.bin', 300, 768 ],
    [ 'faiss/opensearch_faiss_cagra_flat_float_300_vectors_768_dims.bin', 300, 768 ],
    [ 'faiss/opensearch_faiss_flat_byte_100_vectors_8_dim.bin', qr/its format is not recognized/ ],
    [ 'faiss/opensearch_faiss_hnsw_one_vector.bin', qr/its format is not recognized/ ],
    [ 'npy/npyio_data_float32_2x3_corder.npy', 2, 3 ],
    [ 'npy/npyio_data_float32_2x3_forder.npy', 2, 3 ],
    [ 'npy/npyio_data_float32_6x1_forder.npy', 6, 1 ],
    [ 'npy/npyio_data_float32_scalar_corder.npy', qr/its shape is \(\)/ ],
    [ 'npy/npyio_data_float32_scalar_corder.npy', 1, 1, 'flatten => true' ],
    [ 'npy/npyio_data_float64_2x3_forder.npy', 2, 3 ],
    [ 'npy/npyio_data_float64_2x3x4_corder.npy', qr/its shape is \(2, 3, 4\)/ ],
    [ 'npy/npyio_data_float64_2x3x4_corder.npy', 2, 12, 'flatten => true' ],
    [ 'npy/npyio_data_int8_2x3_corder.npy', 2, 3 ],
    [ 'npy/npyio_data_int8_2x3_forder.npy', 2, 3 ],
    [ 'npy/npyio_data_uint8_2x3_corder.npy', 2, 3 ],
    [ 'npy/npyio_data_int16_2x3_corder.npy', 2, 3 ],
    [ 'npy/npyio_data_uint64_2x3_forder.npy', 2, 3 ],
    [ 'npy/npyio_data_int64_6x1_corder.npy', 6, 1 ],
    [ 'npy/npyio_nans_inf.npy', qr/row 0 of .* has NaN in component 0/ ],
    [ 'npy/npyio_nans_inf.npy', 0, 4, 'skip_not_finite => true' ],
    [ 'npy/npyio_ragged-array.npy', qr/Python objects \(a pickle/ ],
    [ 'npy/npyio_ragged-array-mixed.npy', qr/Python objects \(a pickle/ ],
    [ 'npy/npyio_data_float64_forder.npz', qr/holds 2 arrays, several of them 2-D/ ],
    [ 'npy/npyio_data_float64_forder.npz', 2, 3, "member => 'arr0'" ],
    [ 'npy/npyio_data_float64_forder.npz', 6, 1, "member => 'arr1.npy'" ],
    [ 'npy/jb_overflow_v2header.npy', qr/needs 34359738368 bytes; there are 0/ ],
    [ 'npy/jb_win64python2.npy', 1, 2 ],
    [ 'npy/jb_example_bigendian.npz', qr/holds 8 arrays, none of them 2-D/ ],
    (map { [ 'npy/jb_example_bigendian.npz', 1, $_->[1], "member => '$_->[0]'" ] }
        [ 'x_b', 4 ], [ 'x_i1', 4 ], [ 'x_i2', 5 ], [ 'x_i8', 5 ], [ 'x_u4', 4 ], [ 'x_f8', 4 ], [ 'x_f4', 4 ]),
    [ 'npy/jb_example_bigendian.npz', qr/are strings/, undef, "member => 'x_S3'" ],
    [ 'npy/bad_roni_timestamps_unicode.npy', qr/are strings/ ],
    [ 'npy/roni_whisper_minilm_173x384.npy', 173, 384 ],
    [ 'npy/kloros_1893x384.npy', 1893, 384 ],
    [ 'npy/mtg_1x200.npy', 1, 200 ],
    [ 'npy/sangkv_clip_1d_512.npy', 1, 512 ],
    [ 'npy/bad_lfs_pointer_pranv45.npy', qr/this is a Git LFS pointer/ ],
    [ 'hnswlib/preethika_hnsw_index.bin', 20, 768 ],
    [ 'hnswlib/roni_hnsw_whisper_minilm.bin', 173, 384 ],
    [ 'hnswlib/metanwar_langchainjs_hnswlib.index', 1, 1536 ],
    [ 'hnswlib/metanwar_langchainjs_args.json', qr/its format is not recognized/ ],
    [ 'hnswlib/arvind_vecstore_hnsw.bin', 10000, 16 ],
    [ 'hnswlib/bad_nmslib_davor_index.hnsw', qr/its format is not recognized/ ],
    [ 'fvecs/siftsmall_query.fvecs', 100, 128 ],
    [ 'fvecs/siftsmall_groundtruth.ivecs', 100, 100 ],
);

# The first four values of the first vector, as the manifest has them, by file. (Of the smallest id where there are ids;
# its arrays of other orders are listed in the order of the file.)
sub manifest {
    my %values;
    for my $line (split /\n/, slurp_file(shared_file('testdata/MANIFEST.tsv'))) {
        my ($file, undef, undef, undef, $first) = split /\t/, $line;
        $values{$file} = [ split /,\s*/, $1 ] if ($first // '') =~ /^\[(.+)\]$/;
    }
    return \%values;
}

my @table = (sprintf '%-72s %8s %6s  %s', qw(file rows dims outcome));
SKIP: {
    skip 'no shared testdata', 1 unless shared_file('testdata/MANIFEST.tsv');
    my $first_values = manifest();
    my %seen;
    for my $case (@shared) {
        my ($file, $rows, $dims, $arguments) = @$case;
        my $name = $file . ($arguments ? " ($arguments)" : '');
        my $path = quoted(shared_file("testdata/$file") // die "$file is not there");
        my $more = $arguments ? ", $arguments" : '';
        $seen{$file} = 1;
        if (ref $rows) {
            sql('DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint, embedding vector)');
            my (undef, $err) = attempt("CALL vecstore_import('t', $path, id_column => 'id'$more)");
            is(() = $err =~ /ERROR:/g, 1, "$name: one error");
            like($err, $rows, "$name: a clear one");
            is(sql('SELECT count(*) FROM t'), 0, "$name: nothing comes in");
            push @table, sprintf '%-72s %8s %6s  %s', $name, '-', '-', 'refused: ' . substr($err =~ /ERROR:\s+(.*)/ ? $1 =~ s/file ".*\/(.*?)"/$1/r : $err, 0, 90);
            next;
        }
        sql('DROP TABLE IF EXISTS t');
        if ($rows > 0) { sql("CALL vecstore_import('t', $path, create_table => true$more)") }
        else { sql("CREATE TABLE t (id bigint, embedding vector($dims)); CALL vecstore_import('t', $path, id_column => 'id'$more)") }
        my $type = sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'embedding'");
        is(sql('SELECT count(*) FROM t') . " $type", "$rows " . ($type =~ s/\d+/$dims/r), "$name: rows and dimensions");
        push @table, sprintf '%-72s %8s %6s  %s', $name, $rows, $dims, "imported into $type";
        my $expected = $first_values->{$file};
        # Those of Fortran order, and of archives, are compared with numpy below.
        next unless $expected && $rows > 0 && $type =~ /^(vector|halfvec)/ && $file !~ /_forder|\.npz/;
        my $count = $dims < 4 ? $dims : 4;
        my $found = sql("SELECT array_to_string((embedding::vector::real[])[1:$count], ' ') FROM t ORDER BY id LIMIT 1");
        my @pairs = map { [ $_, shift @$expected ] } split / /, $found;
        my @wrong = grep { abs($_->[0] - $_->[1]) > 1e-6 * (1 + abs $_->[1]) } @pairs;
        is(scalar @wrong, 0, "$name: the manifest's values") or diag("found $found");
    }
    # (The folder of stores has a list of its own, of kinds that are not all read yet.)
    my @files = grep { !m{^stores/} } map { s{.*/testdata/}{}r } glob(shared_file('testdata/MANIFEST.tsv') =~ s{MANIFEST.tsv}{*/*}r);
    is(join(' ', grep { !$seen{$_} } @files), '', 'no file of the testdata is left out');

    my $binary = quoted(shared_file('testdata/faiss/opensearch_faiss_binary_50_vectors_512_dim.bin'));
    is(sql("SELECT left(encode(substring(varbit_send(embedding) FROM 5), 'hex'), 16) FROM vecstore_read_bits($binary) LIMIT 1"),
        '4be97c3c7b13cedb', 'the bytes of a binary index are those of the bit string');
    is(sql("SELECT count(*) FROM vecstore_read_npy(" . quoted(shared_file('testdata/npy/kloros_1893x384.npy')) . ") n JOIN vecstore_read_faiss("
              . quoted(shared_file('testdata/faiss/flat_ip_d384_kloros.index')) . ') f USING (id) WHERE n.embedding = f.embedding'),
        1893, 'two files of one set are equal');
}
diag($_) for @table;

# ------------------------------------------------------------------------------------ files by the real libraries

# import_kinds.py writes the files and, for each, the values that the library itself reads from it: float32 and ids.
my $missing = `$python $FindBin::Bin/import_kinds.py --check 2>&1`;
SKIP: {
    if ($? != 0) {
        diag("SKIPPED, loudly: $missing");
        skip "the real libraries are not there: $missing", 1;
    }
    diag("without: $missing") if $missing;
    my $made = `$python $FindBin::Bin/import_kinds.py $folder`;
    die 'import_kinds.py failed' if $? != 0;
    for (grep { /\t/ } split /\n/, $made) {    # FAISS itself prints too
        my ($path, $reader, $rows, $dims, $exact, $lossy, $arguments) = split /\t/;
        my ($name) = $path =~ m{([^/]+)$};
        $arguments = $arguments ? ", $arguments" : '';
        sql("SET client_min_messages = warning; DROP TABLE IF EXISTS found, expected;
             CREATE TABLE expected (id bigint, embedding vector); COPY expected FROM '$path.expected';
             CREATE TABLE found AS SELECT id, embedding FROM vecstore_read_$reader('$path'$arguments)");
        my $same = $exact ? 'vector_send(f.embedding) = vector_send(e.embedding)' : '(f.embedding <-> e.embedding) <= 2e-6 * (1 + vector_norm(e.embedding))';
        is(sql("SELECT count(*), count(*) FILTER (WHERE $same), coalesce(max(vector_dims(f.embedding)), $dims) FROM found f FULL JOIN expected e USING (id)"),
            "$rows|$rows|$dims", "$name: " . ($exact ? 'bit-equal' : 'equal to reconstruct()'));
        is(sql("SELECT lossy FROM vecstore_inspect('$path'" . ($arguments =~ /(, member => '\w+')/ ? $1 : '') . ($arguments =~ /flatten/ ? ', flatten => true' : '') . ')'), $lossy, "$name: lossy or not");
        next if $arguments;
        my ($status, $err) = attempt("DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint, embedding vector); CALL vecstore_import('t', '$path', id_column => 'id', batch_size => 777)");
        is($err =~ /holds approximations/ ? 't' : 'f', $lossy, "$name: the import says whether it is lossy");
        is(sql("SELECT count(*), count(*) FILTER (WHERE vector_send(f.embedding) = vector_send(t.embedding)) FROM found f FULL JOIN t USING (id)"),
            "$rows|$rows", "$name: imported as it is read");
    }

    # ---------------------------------------------------------------------------------- malformed variants
    # Cut at places all over the file, and every count of the headers made huge: one error, and the backend lives.
    my @kinds = grep { !/\.(expected|ivfdata)$/ && -s $_ < 100_000 } glob("$folder/*");
    my ($cuts, $bad) = (0, 0);
    my $script = '';
    for my $path (@kinds) {
        my $content = slurp_file($path);
        my $length = length $content;
        my %places = map { $_ => 1 } (1 .. 24, 33, 37, 45, 53, 61, 69, 77, 85, 93, 96, 97, map({ int($length * $_ / 12) } 1 .. 11), $length - 9, $length - 1);
        for my $at (grep { $_ > 0 && $_ < $length } sort { $a <=> $b } keys %places) {
            my ($reader) = $path =~ /\.(\w+)$/;
            # These have no count: a file of fewer rows is as good.
            next if $reader =~ /vecs$/ && $at % (4 + 32 * ($reader eq 'bvecs' ? 1 : 4)) == 0;
            my $file = sprintf '%s/cut%05d.%s', $folder, $cuts++, $reader;
            write_binary($file, substr($content, 0, $at));
            $script .= "\\warn === $file $path cut at $at\nSELECT count(*) FROM ${\reading($reader, $file)};\n";
        }
        for my $at (grep { $_ + 8 <= $length } map { 4 + 4 * $_ } 0 .. 60) {
            my ($reader) = $path =~ /\.(\w+)$/;
            my $file = sprintf '%s/cut%05d.%s', $folder, $cuts++, $reader;
            my $changed = $content;
            substr($changed, $at, 8) = pack('Q<', 1 << 60);
            write_binary($file, $changed);
            $script .= "\\warn --- $file $path huge at $at\nSELECT count(*) FROM ${\reading($reader, $file)};\n";
        }
    }
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    my ($what, %errors, @order);
    for (split /\n/, $err) {
        if (/^(===|---) (.*)/) { $what = "$1 $2"; push @order, $what; $errors{$what} = 0 }
        elsif (/ERROR:|FATAL:|PANIC:/) { $errors{$what}++ if defined $what }
    }
    cmp_ok(scalar @order, '>', 1000, scalar(@order) . ' malformed files');
    unlike($err, qr/does not exist/, 'all of them were read');
    is(join("\n", grep { /^===/ && $errors{$_} != 1 } @order), '', 'a file that is cut off gives one error');
    is(join("\n", grep { /^---/ && $errors{$_} > 1 } @order), '', 'a huge number gives one error, where it is a number that matters');
    is(sql('SELECT 1'), 1, 'and the server lives');
}

# The call that reads a file of this extension.
sub reading {
    my ($extension, $file) = @_;
    return "vecstore_read_npy('$file', member => 'emb')" if $extension eq 'npz';
    return "vecstore_read_npy('$file', member => 'other')" if $extension eq 'npz2';
    return sprintf "vecstore_read_%s('%s')", $extension =~ /vecs$/ ? 'fvecs' : $extension, $file;
}

sub write_binary {
    my ($path, $content) = @_;
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $content;
    close $f;
    return;
}

done_testing();
