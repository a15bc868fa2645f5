-- ================================================================================ beside pgvector

-- The names of access methods are global. While pgvector is in the database, ours are vecstore_hnsw and
-- vecstore_ivfflat; when it comes they are renamed, and when it goes they get their names back.

CREATE FUNCTION vecstore_follow_names() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'vecstore_follow_names' LANGUAGE C;

CREATE EVENT TRIGGER vecstore_make_way ON ddl_command_start
    WHEN TAG IN ('CREATE ACCESS METHOD') EXECUTE FUNCTION vecstore_follow_names();

CREATE EVENT TRIGGER vecstore_take_names ON sql_drop
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED', 'DROP ACCESS METHOD') EXECUTE FUNCTION vecstore_follow_names();

-- Does the same by hand, where event triggers were switched off. True when a name was changed.
CREATE FUNCTION vecstore_take_names() RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_take_names' LANGUAGE C VOLATILE PARALLEL UNSAFE;

REVOKE ALL ON FUNCTION vecstore_take_names() FROM PUBLIC;

SELECT vecstore_take_names();

