# The comparison bench runs, goes on where it stopped, and makes its tables and plots: a very small set, for no figure's
# sake. Beside pgvector where it is installed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'the bench measures vecstore first' if extension() ne 'vecstore';

my $node = new_node('bench');
my $out = PostgreSQL::Test::Utils::tempdir() . '/bench';
my $set = 'embeddings:500x16:l2';
my $folder = "$out/embeddings_500x16_l2";
my $has_pgvector = defined((pgvector_settings())[0]) && !$ENV{VECSTORE_PGVECTOR};

sub suite {
    my ($output, $errors) = ('', '');
    my $ok = IPC::Run::run([ "$FindBin::Bin/../bench/suite", $set, '--out', $out, @_ ], '>', \$output, '2>', \$errors);
    return ($ok, $output, $errors);
}

my $server = 'host=' . $node->host . ' port=' . $node->port;
my @quick = ('--server', $server, '--seconds', 0.2, '--ef', '20,40,80', '--inserts', 20, '--modes', 'compact,plain');
my ($ok, $output, $errors) = suite(@quick, '--check');
ok($ok, 'a suite of one set runs') or diag("$output\n$errors");
like($output, qr/^\| embeddings 500 x 16, l2 \| vecstore \(auto: default\) \| (1|\.\d{4}) \| [\d,]+ \|/m, 'table of modes');
like($output, qr/^\| embeddings 500 x 16, l2 \| \.98 \| [\d,]+ \| [\d,]+ \|/m, 'table of queries at equal recall');
like($output, qr/^\|  \| vecstore, compact \|/m, 'the other storage modes are in it');
like($output, qr/^  ok +recall at the default ef_search: /m, 'recall is good');
is($output =~ /^\|  \| pgvector \| \S/m ? 1 : 0, $has_pgvector ? 1 : 0, 'pgvector is compared where it is installed');

my $measured = slurp_file("$folder/vecstore.json");
like($measured, qr/"clients_4": \{[^}]*"p50_us": \d/, 'latencies with 4 clients');
like($measured, qr/"one_cpu": \{[^}]*"p50_us": \d/, 'and of one that shares its server process\'s CPU');
like($measured, qr/"wal_bytes_per_row": \d/, 'WAL of inserts');
like(slurp_file("$folder/hnswlib.json"), qr/"per_second": \d/, 'hnswlib is measured');

SKIP: {
    skip 'gnuplot is not installed', 4 if system('command -v gnuplot >/dev/null') != 0;
    for my $plot (qw(recall build size inserts)) {
        my $svg = -e "$out/plots/$plot.svg" ? slurp_file("$out/plots/$plot.svg") : '';
        ok($svg =~ /<svg/ && $svg =~ /vecstore/ && $svg =~ /prefers-color-scheme/ && $svg =~ /<\/svg>/, "$plot.svg");
    }
}

# A set whose every search finds all, or little, is drawn too.
SKIP: {
    skip 'gnuplot is not installed', 1 if system('command -v gnuplot >/dev/null') != 0;
    my $drawn = `/usr/bin/python3 -c "
import sys; sys.path.insert(0, '$FindBin::Bin/../bench')
import plots, types
for recalls in ((1, 1), (.99995, 1), (.5, .6), (.7, 1)):
    points = [dict(recall=r, ef_search=40 + i, one_cpu=dict(per_second=100.)) for i, r in enumerate(recalls)]
    plots.gnuplot(plots.recall_plot([types.SimpleNamespace(title='a set', curves=lambda: [('vecstore', points)])])[0],
                  '$out/recall.svg', 460, 360)
    print('drawn')
" 2>&1`;
    is($drawn, "drawn\n" x 4, 'plots of every recall') or diag($drawn);
}

# Results that are there are not measured again, until that is asked for.
($ok, $output, $errors) = suite(@quick);
ok($ok && $output !~ /ef_search/, 'a second run measures nothing') or diag("$output\n$errors");
unlink "$folder/hnswlib.json";
($ok, $output, $errors) = suite(@quick);
ok($ok && $output =~ /^hnswlib, /m && $output !~ /COPY/, 'a run that was stopped goes on') or diag("$output\n$errors");
is(slurp_file("$folder/vecstore.json"), $measured, 'and leaves what there was');
($ok, $output, $errors) = suite(@quick, '--again', '--no-pgvector', '--no-hnswlib', '--no-inserts');
ok($ok && slurp_file("$folder/vecstore.json") ne $measured, '--again measures again') or diag("$output\n$errors");

# The data that are hard for an index, small: every kind can be made, and its exact neighbors are exact.
my $checked = `/usr/bin/python3 -c "
import sys; sys.path.insert(0, '$FindBin::Bin/../bench')
import dataset, numpy as np
for kind in dataset.MADE:
    for metric in dataset.OPERATORS:
        d = dataset.load(f'{kind}:300x24:{metric}')
        ids = np.arange(len(d.base))
        truth = np.array([np.sort(d.distances(q, ids))[:10] for q in d.queries])
        found = np.array([d.distances(q, n) for q, n in zip(d.queries, d.exact_neighbors(10))])
        same = np.allclose(found, truth, rtol=1e-9, atol=1e-12) and d.recall(d.exact_neighbors(10), 10) == 1
        print(kind, metric, len(d.base), 'ok' if same else 'wrong')
" 2>&1`;
my @lines = split /\n/, $checked;
ok(@lines == 40 && !grep({ !/ 300 ok$/ } @lines), 'every kind of data set') or diag($checked);

done_testing();
