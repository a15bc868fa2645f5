-- vecstore 0.1.0 to 0.2.0: whatever differs between the install scripts of the two. test/t/015_upgrade.pl compares the
-- catalogs of an upgraded database with those of a new one.
\echo Use "ALTER EXTENSION vecstore UPDATE" to load this file. \quit
