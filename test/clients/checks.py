"""What the client scripts share: data with known answers, and checks written as TAP."""
import math
import struct
import sys

DATABASE = 'clients'

# (id, vector, bits). Halfvec and sparsevec columns hold the same numbers; all are exact in half precision.
ITEMS = [
    (1, [1.0, 0.0, 0.0], '100'),
    (2, [0.0, 2.0, 0.0], '110'),
    (3, [3.0, 4.0, 0.0], '111'),
    (4, [-1.0, 0.5, 2.5], '001'),
]
QUERY = [1.0, 1.0, 0.5]
QUERY_BITS = '101'


def norm(a):
    return math.sqrt(sum(x * x for x in a))


def inner(a, b):
    return sum(x * y for x, y in zip(a, b))


def differing(a, b):
    return sum(x != y for x, y in zip(a, b))


def jaccard(a, b):
    both = sum(x == y == '1' for x, y in zip(a, b))
    either = sum('1' in (x, y) for x, y in zip(a, b))
    return 1 - both / either


# The answer of each operator, computed here.
DISTANCES = {
    '<->': lambda a, b: norm([x - y for x, y in zip(a, b)]),
    '<#>': lambda a, b: -inner(a, b),
    '<=>': lambda a, b: 1 - inner(a, b) / (norm(a) * norm(b)),
    '<+>': lambda a, b: sum(abs(x - y) for x, y in zip(a, b)),
}
BIT_DISTANCES = {'<~>': differing, '<%>': jaccard}


def nearest(operator):
    """[(id, distance)] by distance, as `SELECT id, v <operator> query ... ORDER BY 2, 1` must return them."""
    if operator in DISTANCES:
        found = [(DISTANCES[operator](v, QUERY), i) for i, v, _ in ITEMS]
    else:
        found = [(BIT_DISTANCES[operator](b, QUERY_BITS), i) for i, _, b in ITEMS]
    return [(i, d) for d, i in sorted(found)]


def to_text(values):
    return '[' + ','.join(repr(float(x)) for x in values) + ']'


def from_text(text):
    return [float(x) for x in text[1:-1].split(',')]


def sparse_text(values):
    return '{' + ','.join(f'{i + 1}:{x!r}' for i, x in enumerate(values) if x != 0) + '}/' + str(len(values))


def from_sparse_text(text):
    elements, dims = text.split('/')
    values = [0.0] * int(dims)
    for element in filter(None, elements[1:-1].split(',')):
        index, value = element.split(':')
        values[int(index) - 1] = float(value)
    return values


def to_binary(values, element='f'):
    """The wire format of vector (element 'f') and halfvec ('e')."""
    return struct.pack(f'>HH{len(values)}{element}', len(values), 0, *values)


def from_binary(data, element='f'):
    dims, unused = struct.unpack_from('>HH', data)
    assert unused == 0
    return list(struct.unpack_from(f'>{dims}{element}', data, 4))


def sparse_to_binary(values):
    elements = [(i, x) for i, x in enumerate(values) if x != 0]
    return struct.pack(f'>iii{len(elements)}i{len(elements)}f', len(values), len(elements), 0,
                       *[i for i, _ in elements], *[x for _, x in elements])


def sparse_from_binary(data):
    dims, count, unused = struct.unpack_from('>iii', data)
    assert unused == 0
    values = [0.0] * dims
    for i, x in zip(struct.unpack_from(f'>{count}i', data, 12), struct.unpack_from(f'>{count}f', data, 12 + 4 * count)):
        values[i] = x
    return values


def report(good, name, *why):
    print(('ok' if good else 'not ok') + ' - ' + name)
    if not good:
        for line in why:
            print('# ' + str(line).replace('\n', '\n# '))
    sys.stdout.flush()


def same(got, expected):
    if isinstance(expected, float) and isinstance(got, (int, float)):
        return math.isclose(got, expected, rel_tol=1e-6, abs_tol=1e-7)
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(got) == len(expected) and all(map(same, got, expected))
    return got == expected


def check(name, got, expected):
    report(same(got, expected), name, f'got: {got!r}', f'expected: {expected!r}')


def finish():
    """The last line: a script that died before has failed."""
    print('# finished')
