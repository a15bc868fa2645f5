# Privileges of imports: they are checked before any file is looked at.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('privileges');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;
my $file = write_bytes("$folder/ten.npy", npy(10, 3, 1 .. 30));

sub sql { return $node->safe_psql('postgres', $_[0]) }

# The error (or the notices) that a role gets.
sub as {
    my ($role, $sql, @settings) = @_;
    my (undef, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ],
        connstr => $node->connstr('postgres') . " options='" . join(' ', map { "-c $_" } @settings) . "'");
    return "$out$err";
}
my $import = "CALL vecstore_import('t', '$file', id_column => 'id')";

# importer has all privileges, inserter only those that the import needs
sql(q{CREATE ROLE importer LOGIN; GRANT pg_read_server_files TO importer;
      CREATE ROLE nofiles LOGIN; CREATE ROLE noinsert LOGIN; GRANT pg_read_server_files TO noinsert;
      CREATE ROLE nocolumn LOGIN; GRANT pg_read_server_files TO nocolumn;
      CREATE ROLE inserter LOGIN; GRANT pg_read_server_files TO inserter;
      CREATE ROLE nothing LOGIN; CREATE ROLE owner LOGIN; GRANT pg_read_server_files TO owner;
      CREATE TABLE t (id int, embedding vector, secret text DEFAULT 'x');
      GRANT INSERT, SELECT ON t TO importer;
      GRANT INSERT, SELECT ON t TO nofiles;
      GRANT INSERT (embedding, secret) ON t TO nocolumn;
      GRANT INSERT (id, embedding), SELECT (id, embedding) ON t TO inserter});

like(as('importer', $import), qr/imported 10 vectors.*count and content verified/, 'with all privileges');
like(as('inserter', $import), qr/imported 10 vectors.*not verified, which needs SELECT/,
    'privileges on the columns are enough to import, not to verify');
is(sql('SELECT count(*) FROM t'), 20, 'both have imported');

# No privilege, no look at the file: the error is the same, whether it exists or not.
for my $path ($file, "$folder/missing", '/dev/zero', '/root', '') {
    my $denied = qr/ERROR: +permission denied to read the server's files/;
    like(as('nofiles', "CALL vecstore_import('t', '$path')"), $denied, "vecstore_import('$path') without pg_read_server_files");
    like(as('nofiles', "SELECT vecstore_inspect('$path')"), $denied, "vecstore_inspect('$path')");
    like(as('nofiles', "SELECT * FROM vecstore_read_npy('$path')"), $denied, "vecstore_read_npy('$path')");
    like(as('nofiles', "SELECT * FROM vecstore_read_faiss('$path')"), $denied, "vecstore_read_faiss('$path')");
    like(as('noinsert', "CALL vecstore_import('t', '$path')"), qr/ERROR: +permission denied for table t/,
        "vecstore_import('$path') without INSERT");
}
my $hex = unpack 'H*', slurp_file($file);
is(as('nofiles', "SELECT count(*) FROM vecstore_read_npy('\\x$hex'::bytea)"), '10', 'the bytea variants need no privilege');
like(as('nocolumn', $import), qr/ERROR: +permission denied for table t/, 'without INSERT on the id column');
like(as('nocolumn', "CALL vecstore_import('t', '$file')"), qr/imported 10 vectors/, 'it is not needed without ids');
is(sql('SELECT count(*) FROM t'), 30, 'those denied have imported nothing');

# The state tables are closed; the view shows one's own imports.
like(as('importer', 'SELECT * FROM vecstore_import_state'), qr/permission denied for table/, 'the state table is closed');
like(as('importer', 'SELECT * FROM vecstore_import_batch'), qr/permission denied for table/, 'that of batches too');
is(as('importer', 'SELECT role, rows_done, status FROM vecstore_import_progress'), 'importer|10|complete', 'the view shows own imports');
is(as('nothing', 'SELECT count(*) FROM vecstore_import_progress'), '0', 'not those of others');
is(sql('SELECT count(*) FROM vecstore_import_progress'), 3, 'all to a superuser');

# A role cannot slip its own functions or tables into the queries of an import.
sql('CREATE SCHEMA trap AUTHORIZATION importer');
as('importer', q{CREATE TABLE trap.vecstore_import_state (LIKE t);
    CREATE FUNCTION trap.mod(numeric, numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 1/0';
    CREATE FUNCTION trap.vecstore_row_hash(public.vector, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint'});
like(as('importer', "CALL public.vecstore_import('public.t', '$file', id_column => 'id')", 'search_path=trap,pg_catalog,public'),
    qr/imported 10 vectors.*verified/, 'whatever the search path');

# Row-level security
sql('CREATE TABLE r (id int, embedding vector); ALTER TABLE r OWNER TO owner; GRANT ALL ON r TO importer;
     ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON r USING (true)');
like(as('importer', "CALL vecstore_import('r', '$file')"), qr/cannot import into "r", which has row-level security\nHINT: .*INSERT \.\.\. SELECT/,
    'row-level security is refused, with a hint');
like(as('importer', "CALL vecstore_import('r', '$folder/missing')"), qr/row-level security/, 'before the file is looked at');
like(as('owner', "CALL vecstore_import('r', '$file')"), qr/imported 10 vectors/, 'it does not apply to the owner');
sql('ALTER TABLE r FORCE ROW LEVEL SECURITY');
like(as('owner', "CALL vecstore_import('r', '$file')"), qr/row-level security/, 'unless it is forced');
is(as('importer', "INSERT INTO r SELECT * FROM vecstore_read_npy('$file'); SELECT count(*) FROM r"), '20', 'what the hint says works');

# Read-only transactions
like(as('importer', $import, 'default_transaction_read_only=on'), qr/ERROR: +cannot execute CALL vecstore_import in a read-only transaction/,
    'read-only transactions');

# Files that the server cannot read, although the role may
SKIP: {
    skip 'running as root', 2 if $> == 0;
    chmod 0, $file;
    like(as('importer', $import), qr/could not open file ".*": Permission denied\nHINT: .*reads files as operating-system user ".+"/,
        'a file closed to the server, with a hint');
    chmod 0644, $file;
    mkdir "$folder/closed";
    rename $file, "$folder/closed/ten.npy";
    chmod 0, "$folder/closed";
    like(as('importer', $import =~ s/ten\.npy/closed\/ten.npy/r), qr/Permission denied\nHINT: .*enter every folder above it/,
        'a folder closed to the server');
    chmod 0755, "$folder/closed";
    rename "$folder/closed/ten.npy", $file;
}
like(as('importer', "CALL vecstore_import('t', '$folder/missing')"), qr/No such file or directory\nHINT: .*where the server runs/,
    'a missing file, with a hint');

# Privileges are looked at in every batch.
sql(q{CREATE FUNCTION withdraw() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      'BEGIN IF NEW.id = 4 THEN REVOKE ALL ON w FROM importer; END IF; RETURN NEW; END';
      CREATE TABLE w (id int, embedding vector); GRANT ALL ON w TO importer;
      CREATE TRIGGER withdraw AFTER INSERT ON w FOR EACH ROW EXECUTE FUNCTION withdraw()});
like(as('importer', "CALL vecstore_import('w', '$file', id_column => 'id', batch_size => 5)"),
    qr/ERROR: +permission denied for table w.*5 of 10 rows are committed/s, 'a privilege withdrawn between batches');
is(sql('SELECT count(*) FROM w'), 5, 'keeps the first batch only');


done_testing();
