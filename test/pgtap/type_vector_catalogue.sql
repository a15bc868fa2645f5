-- The SQL surface of the type vector against what pgvector 0.8.6 has in its system catalogs: names,
-- signatures, properties, operators with their partners and estimators, casts with their contexts, the
-- btree operator class. Clients, ORMs and dumps rely on every line.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;

CREATE TEMP TABLE facts (number int, line text);
INSERT INTO facts SELECT ordinality, line FROM regexp_split_to_table(trim(both E'\n' FROM $facts$
function | array_to_vector(integer[],integer,boolean) | returns vector | immutable | strict | parallel=s |
function | array_to_vector(real[],integer,boolean) | returns vector | immutable | strict | parallel=s |
function | array_to_vector(double precision[],integer,boolean) | returns vector | immutable | strict | parallel=s |
function | array_to_vector(numeric[],integer,boolean) | returns vector | immutable | strict | parallel=s |
function | avg(vector) | returns vector | immutable | not strict | parallel=s | aggregate
function | binary_quantize(vector) | returns bit | immutable | strict | parallel=s |
function | cosine_distance(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | inner_product(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | l1_distance(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | l2_distance(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | l2_normalize(vector) | returns vector | immutable | strict | parallel=s |
function | subvector(vector,integer,integer) | returns vector | immutable | strict | parallel=s |
function | sum(vector) | returns vector | immutable | not strict | parallel=s | aggregate
function | vector(vector,integer,boolean) | returns vector | immutable | strict | parallel=s |
function | vector_accum(double precision[],vector) | returns double precision[] | immutable | strict | parallel=s |
function | vector_add(vector,vector) | returns vector | immutable | strict | parallel=s |
function | vector_avg(double precision[]) | returns vector | immutable | strict | parallel=s |
function | vector_cmp(vector,vector) | returns integer | immutable | strict | parallel=s |
function | vector_combine(double precision[],double precision[]) | returns double precision[] | immutable | strict | parallel=s |
function | vector_concat(vector,vector) | returns vector | immutable | strict | parallel=s |
function | vector_dims(vector) | returns integer | immutable | strict | parallel=s |
function | vector_eq(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_ge(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_gt(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_in(cstring,oid,integer) | returns vector | immutable | strict | parallel=s |
function | vector_l2_squared_distance(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | vector_le(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_lt(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_mul(vector,vector) | returns vector | immutable | strict | parallel=s |
function | vector_ne(vector,vector) | returns boolean | immutable | strict | parallel=s |
function | vector_negative_inner_product(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | vector_norm(vector) | returns double precision | immutable | strict | parallel=s |
function | vector_out(vector) | returns cstring | immutable | strict | parallel=s |
function | vector_recv(internal,oid,integer) | returns vector | immutable | strict | parallel=s |
function | vector_send(vector) | returns bytea | immutable | strict | parallel=s |
function | vector_spherical_distance(vector,vector) | returns double precision | immutable | strict | parallel=s |
function | vector_sub(vector,vector) | returns vector | immutable | strict | parallel=s |
function | vector_to_float4(vector,integer,boolean) | returns real[] | immutable | strict | parallel=s |
function | vector_typmod_in(cstring[]) | returns integer | immutable | strict | parallel=s |
type | vector | -1 | i | e | in/out/recv/send/typmodin: vector_in vector_out vector_recv vector_send vector_typmod_in
operator | *(vector,vector) | vector_mul | commutator *(vector,vector) | negator 0 | - | -
operator | +(vector,vector) | vector_add | commutator +(vector,vector) | negator 0 | - | -
operator | -(vector,vector) | vector_sub | commutator 0 | negator 0 | - | -
operator | <(vector,vector) | vector_lt | commutator >(vector,vector) | negator >=(vector,vector) | scalarltsel | scalarltjoinsel
operator | <#>(vector,vector) | vector_negative_inner_product | commutator <#>(vector,vector) | negator 0 | - | -
operator | <+>(vector,vector) | public.l1_distance | commutator <+>(vector,vector) | negator 0 | - | -
operator | <->(vector,vector) | public.l2_distance | commutator <->(vector,vector) | negator 0 | - | -
operator | <=(vector,vector) | vector_le | commutator >=(vector,vector) | negator >(vector,vector) | scalarlesel | scalarlejoinsel
operator | <=>(vector,vector) | public.cosine_distance | commutator <=>(vector,vector) | negator 0 | - | -
operator | <>(vector,vector) | vector_ne | commutator <>(vector,vector) | negator =(vector,vector) | eqsel | eqjoinsel
operator | =(vector,vector) | vector_eq | commutator =(vector,vector) | negator <>(vector,vector) | eqsel | eqjoinsel
operator | >(vector,vector) | vector_gt | commutator <(vector,vector) | negator <=(vector,vector) | scalargtsel | scalargtjoinsel
operator | >=(vector,vector) | vector_ge | commutator <=(vector,vector) | negator <(vector,vector) | scalargesel | scalargejoinsel
operator | ||(vector,vector) | vector_concat | commutator 0 | negator 0 | - | -
cast | double precision[] -> vector | array_to_vector(double precision[],integer,boolean) | assignment
cast | integer[] -> vector | array_to_vector(integer[],integer,boolean) | assignment
cast | numeric[] -> vector | array_to_vector(numeric[],integer,boolean) | assignment
cast | real[] -> vector | array_to_vector(real[],integer,boolean) | assignment
cast | vector -> real[] | vector_to_float4(vector,integer,boolean) | implicit
cast | vector -> vector | vector(vector,integer,boolean) | implicit
opclass | btree | vector_ops | vector | default | <(vector,vector) (strategy 1), <=(vector,vector) (strategy 2), =(vector,vector) (strategy 3), >=(vector,vector) (strategy 4), >(vector,vector) (strategy 5) | vector_cmp=1
$facts$), E'\n') WITH ORDINALITY AS l(line, ordinality);

-- Everything that belongs to the extension, written as the facts are.
CREATE TEMP VIEW members AS
SELECT classid, objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE e.extname = 'vecstore' AND d.deptype = 'e';

CREATE TEMP VIEW actual AS
SELECT 'function | ' || p.oid::regprocedure || ' | returns ' || p.prorettype::regtype || ' | '
       || CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END || ' | '
       || CASE WHEN p.proisstrict THEN 'strict' ELSE 'not strict' END || ' | parallel=' || p.proparallel::text || ' |'
       || CASE p.prokind WHEN 'a' THEN ' aggregate' ELSE '' END AS line
FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
UNION ALL
SELECT format('type | %s | %s | %s | %s | in/out/recv/send/typmodin: %s %s %s %s %s', t.oid::regtype, typlen, typalign,
              typstorage, typinput, typoutput, typreceive, typsend, typmodin)
FROM pg_type t JOIN members m ON m.objid = t.oid AND m.classid = 'pg_type'::regclass
UNION ALL
SELECT format('operator | %s | %s | commutator %s | negator %s | %s | %s', o.oid::regoperator, oprcode,
              oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin)
FROM pg_operator o JOIN members m ON m.objid = o.oid AND m.classid = 'pg_operator'::regclass
UNION ALL
SELECT format('cast | %s -> %s | %s | %s', castsource::regtype, casttarget::regtype, castfunc::regprocedure,
              CASE castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'assignment' ELSE 'explicit' END)
FROM pg_cast c JOIN members m ON m.objid = c.oid AND m.classid = 'pg_cast'::regclass
UNION ALL
SELECT format('opclass | %s | %s | %s | %s | %s | %s', amname, opcname, opcintype::regtype,
              CASE WHEN opcdefault THEN 'default' END,
              (SELECT string_agg(format('%s (strategy %s%s)', amopopr::regoperator, amopstrategy,
                                        CASE amoppurpose WHEN 'o' THEN ', order by' END), ', ' ORDER BY amopstrategy)
               FROM pg_amop WHERE amopfamily = opcfamily AND amoplefttype = opcintype),
              (SELECT string_agg(format('%s=%s', amproc, amprocnum), ', ' ORDER BY amprocnum)
               FROM pg_amproc WHERE amprocfamily = opcfamily AND amproclefttype = opcintype))
FROM pg_opclass c JOIN members m ON m.objid = c.oid AND m.classid = 'pg_opclass'::regclass JOIN pg_am a ON a.oid = opcmethod;

SELECT plan((SELECT count(*)::int FROM facts) + 9);

-- A fact is looked for by what it is about (its kind and name), so that a failure shows both lines. regproc
-- writes overloaded functions with their schema, which is no part of the fact.
CREATE FUNCTION pg_temp.subject(line text) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' | ', f[1], f[2], CASE WHEN f[1] = 'opclass' THEN f[3] END) FROM regexp_split_to_array($1, ' [|] ') f $$;
CREATE FUNCTION pg_temp.plain(line text) RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace($1, '\mpublic\.', '', 'g') $$;

SELECT is(pg_temp.plain(a.line), pg_temp.plain(f.line), pg_temp.subject(f.line))
FROM facts f LEFT JOIN actual a ON pg_temp.subject(pg_temp.plain(a.line)) = pg_temp.subject(f.line) ORDER BY f.number;

-- What the facts do not say.
SELECT is((SELECT count(*)::int FROM facts), 61, 'no fact went missing');
SELECT is(format('%s%s%s', typcategory, typdelim, typtype), 'U,b', 'vector is a base type without category') FROM pg_type WHERE oid = 'vector'::regtype;
SELECT is(typelem::regtype::text, 'vector', 'there is an array type') FROM pg_type WHERE oid = 'vector[]'::regtype;
SELECT is(format('%s %s %s %s %s', aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval),
          'vector_accum vector_avg vector_combine double precision[] {0}', 'avg can be computed in parallel')
FROM pg_aggregate WHERE aggfnoid = 'avg(vector)'::regprocedure;
SELECT is(format('%s %s %s %s %s', aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval),
          'vector_add - vector_add vector ', 'sum can be computed in parallel')
FROM pg_aggregate WHERE aggfnoid = 'sum(vector)'::regprocedure;
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
                   WHERE prosecdef $$, 'no function runs with its owner''s rights');
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
                   WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosrc NOT LIKE 'vecstore\_%' $$,
                'every exported symbol has our prefix: pgvector''s may be loaded beside them');
SELECT is((SELECT count(*)::int FROM pg_cast WHERE castsource = 'vector'::regtype AND castcontext = 'i' AND castmethod <> 'f'), 0,
          'no cast takes the bytes of a vector as they are');
SELECT is((SELECT extrelocatable FROM pg_extension WHERE extname = 'vecstore'), true, 'the extension can move to another schema');

SELECT finish();
ROLLBACK;
