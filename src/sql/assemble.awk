# Assembles the install script: `awk -v version=0.2.0 -f assemble.awk PART...`, see the Makefile.
#
# A part is SQL as it is. What is the same for several types is written once:
#
#   --@ for T NORM in vector vector_norm, halfvec l2_norm
#   ...             here @T@ and @NORM@ stand for the values, one set of them after the other
#   --@ end
#
# @VERSION@ is the version.

function fail(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }

function write(line) {
    gsub(/@VERSION@/, version, line)
    if (match(line, /@[A-Z]+@/)) fail("nothing is known of " substr(line, RSTART, RLENGTH))
    print line
}

# The lines of the block with the values of one set in the places of the names.
function write_block(values,    value, i, n, line) {
    if (split(values, value, " ") != names) fail("not as many values as names: " values)
    for (i = 1; i <= lines; i++) {
        line = block[i]
        for (n = 1; n <= names; n++) gsub("@" name[n] "@", value[n], line)
        write(line)
    }
}

/^--@ for / {
    if (in_block) fail("a block in a block")
    if (!match($0, / in /)) fail("no values")
    names = split(substr($0, 9, RSTART - 9), name, " ")
    sets = split(substr($0, RSTART + 4), set, ",")
    in_block = 1; lines = 0
    next
}
/^--@ end$/ {
    if (!in_block) fail("the end of no block")
    for (s = 1; s <= sets; s++) write_block(set[s])
    in_block = 0
    next
}
/^--@/   { fail("neither for nor end: " $0) }
in_block { block[++lines] = $0; next }
         { write($0) }
END      { if (!failed && in_block) fail("a block without an end") }
