// What the contract suites of schemas and rules ask of every server: CRD schemas of `spec`, and objects good and bad.
// The expected causes aren't written here: the real API server says them, and compileSchema must say the same.

export interface SchemaCase {
  readonly title: string;
  /** The schema of `spec`, or with `root` of the whole object. */
  readonly schema: Record<string, unknown>;
  readonly root?: boolean;
  /** Each becomes the `spec` of one object (with `root`: fields of the object). */
  readonly objects: readonly unknown[];
  /** Pairs of old and new, for updates. */
  readonly updates?: readonly (readonly [unknown, unknown])[];
}

const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'object',
  properties,
  ...more,
});
const string = { type: 'string' };
const integer = { type: 'integer' };
const list = (items: unknown, more: Record<string, unknown> = {}) => ({ type: 'array', items, ...more });
const rules = (...all: (string | Record<string, unknown>)[]) => ({
  'x-kubernetes-validations': all.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});

export const valueCases: readonly SchemaCase[] = [
  {
    title: 'types',
    schema: object({
      s: string,
      i: integer,
      n: { type: 'number' },
      b: { type: 'boolean' },
      o: object({ x: string }),
      l: list(string),
    }),
    objects: [
      { s: 'a', i: 1, n: 1.5, b: true, o: { x: 'y' }, l: ['z'] },
      { s: 5, i: 'five', n: 'x', b: 'true', o: [], l: {} },
      { s: true, i: 1.5, n: true, b: 1, o: 'x', l: 'y' },
      { s: {}, i: [], n: {}, b: [], o: 1, l: 2 },
      { i: 2, n: 3 },
      { l: [1, null, 'a', {}] },
      { o: { x: 5 } },
      { s: null, i: null, l: null },
      'text',
      [],
      7,
    ],
  },
  {
    title: 'nullable',
    schema: object({
      s: { ...string, nullable: true },
      o: { ...object({ x: string }), nullable: true },
      l: list({ ...integer, nullable: true }),
    }),
    objects: [
      { s: null, o: null, l: [null, 1] },
      { s: 1, l: ['x'] },
    ],
  },
  {
    title: 'enums',
    schema: object({
      s: { ...string, enum: ['a', 'b "c"'] },
      i: { ...integer, enum: [1, 2] },
      x: { ...string, enum: ['a', null], nullable: true },
    }),
    objects: [{ s: 'a', i: 2 }, { s: 'z', i: 3 }, { s: '', i: 'x' }, { x: null }, { x: 'y\n"\t\u0001é' }],
  },
  {
    title: 'bounds of numbers',
    schema: object({
      i: { ...integer, minimum: 1, maximum: 10 },
      x: { ...integer, minimum: 1, maximum: 10, exclusiveMinimum: true, exclusiveMaximum: true },
      n: { type: 'number', minimum: 0.5, maximum: 99.25 },
      m: { ...integer, multipleOf: 5 },
      d: { type: 'number', multipleOf: 0.25 },
      big: { type: 'number', maximum: 1e22, minimum: 0.00001 },
    }),
    objects: [
      { i: 1, x: 2, n: 0.5, m: 10, d: 0.75, big: 5 },
      { i: 0, x: 1, n: 0.25, m: 7, d: 0.3 },
      { i: 11, x: 10, n: 100, m: -3 },
      { i: -5, n: 1e300 },
      { big: 1e23 },
      { d: 1, n: 0 },
      { big: 0.000001 },
      { i: 'x' },
    ],
  },
  {
    title: 'strings',
    schema: object({
      s: { ...string, minLength: 2, maxLength: 4 },
      p: { ...string, pattern: '^[a-z]+$' },
      both: { ...string, maxLength: 3, pattern: '^a' },
      one: { ...string, maxLength: 1 },
      flags: { ...string, pattern: '^(?i)abc$' },
      posix: { ...string, pattern: '^[[:alpha:]_]+\\z' },
    }),
    objects: [
      { s: 'abc', p: 'xyz', both: 'abc', flags: 'ABC', posix: 'a_B' },
      { s: 'a', p: 'X' },
      { s: 'abcde', both: 'zzzzz' },
      { s: '😀😀😀😀', both: 'b' },
      { s: '😀😀😀😀😀', one: 'xx' },
      { p: '', s: '' },
      { p: "don't <b>&", posix: 'a1', flags: 'abcd' },
    ],
  },
  {
    title: 'formats',
    schema: object({
      dt: { ...string, format: 'date-time' },
      d: { ...string, format: 'date' },
      du: { ...string, format: 'duration' },
      u: { ...string, format: 'uri' },
      id: { ...string, format: 'uuid' },
      ip: { ...string, format: 'ipv4' },
      six: { ...string, format: 'ipv6' },
      mail: { ...string, format: 'email' },
      by: { ...string, format: 'byte' },
      host: { ...string, format: 'hostname' },
      i: { ...integer, format: 'int32' },
      l: { ...integer, format: 'int64' },
      un: { ...string, format: 'something' },
      cidr: { ...string, format: 'cidr' },
    }),
    objects: [
      {
        dt: '2024-01-02T03:04:05Z',
        d: '2024-02-29',
        du: '1h30m',
        u: 'https://example.com/x',
        id: '123e4567-e89b-12d3-a456-426614174000',
        ip: '1.2.3.4',
        six: '::1',
        mail: 'a@b.c',
        by: 'aGk=',
        host: 'a.example.com',
        i: 5,
        l: 9,
        un: 'x',
        cidr: '10.0.0.0/8',
      },
      {
        dt: 'yesterday',
        d: '2024-02-30',
        du: 'soon',
        u: 'not a uri',
        id: 'x',
        ip: '1.2.3',
        six: 'x',
        mail: 'a',
        by: '*',
        host: '-x',
        cidr: '10/8',
      },
      { dt: '2024-01-02', d: '20240102', du: '5', u: 'x', ip: '::1', six: '1.2.3.4' },
      { dt: '2024-01-02T03:04:05+02:00', du: '3 days', u: '/rooted' },
      { dt: '2024-01-02T25:04:05Z', i: 3000000000 },
      { dt: 5, d: true, i: 'x' },
    ],
  },
  {
    title: 'required fields',
    schema: object(
      {
        a: string,
        o: object({ x: string, y: string }, { required: ['x', 'y'] }),
        l: list(object({ k: string }, { required: ['k'] })),
      },
      { required: ['a'] },
    ),
    objects: [
      { a: 'x' },
      {},
      { o: {} },
      { a: 'x', o: { x: '1' } },
      { a: 'x', l: [{}, { k: 'v' }, { k: null }] },
      { a: null },
    ],
  },
  {
    title: 'sizes of lists and objects',
    schema: object({
      l: list(string, { minItems: 1, maxItems: 2 }),
      one: list(integer, { maxItems: 1 }),
      m: { type: 'object', additionalProperties: integer, minProperties: 1, maxProperties: 2 },
    }),
    objects: [
      { l: ['a'], m: { a: 1 } },
      { l: [], m: {} },
      { l: ['a', 'b', 'c'], m: { a: 1, b: 2, c: 3 }, one: [1, 2] },
      { l: [1, 'b', 'c'], m: { a: 'x' } },
      { m: { 'a.b/c': 'x', __proto: 1 } },
    ],
  },
  {
    title: 'maps and unknown fields',
    schema: object({
      m: { type: 'object', additionalProperties: object({ x: integer }, { required: ['x'] }) },
      any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      free: { 'x-kubernetes-preserve-unknown-fields': true },
      known: { type: 'object', properties: { a: integer }, 'x-kubernetes-preserve-unknown-fields': true },
    }),
    objects: [
      { m: { a: { x: 1, gone: 2 } }, any: { x: [1, { y: null }] }, free: [1, 'a'], known: { a: 1, b: 2 }, gone: 1 },
      { m: { a: {}, b: { x: 'y' }, c: null } },
      { any: 5, free: 5, known: { a: 'x' } },
      { gone: { deep: 1 }, m: { a: { x: 1, y: { z: 1 } } } },
    ],
  },
  {
    title: 'int or string',
    schema: object({
      v: { 'x-kubernetes-int-or-string': true },
      w: {
        'x-kubernetes-int-or-string': true,
        anyOf: [{ type: 'integer' }, { type: 'string' }],
        pattern: '^[0-9]+%?$',
      },
    }),
    objects: [
      { v: 1, w: '5%' },
      { v: 'x', w: 7 },
      { v: true, w: 'x' },
      { v: 1.5, w: {} },
    ],
  },
  {
    title: 'combinations',
    schema: object(
      {
        a: string,
        b: integer,
        c: { ...string, not: { enum: ['no'] } },
        d: { ...string, anyOf: [{ pattern: '^a' }, { maxLength: 1 }] },
        e: { ...integer, allOf: [{ minimum: 1 }, { maximum: 5 }, { multipleOf: 2 }] },
      },
      { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    ),
    objects: [
      { a: 'x' },
      {},
      { a: 'x', b: 1 },
      { a: 'x', c: 'no' },
      { a: 'x', d: 'zz' },
      { a: 'x', d: 'b' },
      { a: 'x', e: 7 },
      { a: 'x', e: 0 },
      { a: 'x', e: -7 },
      { a: 5 },
    ],
  },
  {
    title: 'combinations with properties',
    schema: object(
      { kind: string, file: object({ path: string }), url: string },
      {
        anyOf: [
          { properties: { kind: { enum: ['file'] } }, required: ['file'] },
          { properties: { kind: { enum: ['url'] }, url: { pattern: '^https:' } }, required: ['url'] },
        ],
      },
    ),
    objects: [
      { kind: 'file', file: { path: 'x' } },
      { kind: 'url', url: 'https://x' },
      { kind: 'url', url: 'ftp' },
      { kind: 'x' },
      { kind: 'file' },
    ],
  },
  {
    title: 'lists of type set and map',
    schema: object({
      set: list(string, { 'x-kubernetes-list-type': 'set' }),
      nums: list(integer, { 'x-kubernetes-list-type': 'set' }),
      map: list(object({ name: string, port: integer, v: string }, { required: ['name'] }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
      two: list(object({ name: string, port: { ...integer, default: 80 }, v: string }, { required: ['name'] }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name', 'port'],
      }),
    }),
    objects: [
      { set: ['a', 'b'], map: [{ name: 'a' }, { name: 'b' }], two: [{ name: 'a' }, { name: 'a', port: 81 }] },
      { set: ['a', 'b', 'a', 'a'], nums: [1, 2, 1] },
      { map: [{ name: 'a', v: '1' }, { name: 'a', v: '2' }, { name: 'a' }] },
      { two: [{ name: 'a' }, { name: 'a', port: 80 }] },
      { map: ['x'] },
    ],
    updates: [
      [{ set: ['a'] }, { set: ['a', 'a'] }],
      [{ map: [{ name: 'a' }] }, { map: [{ name: 'a' }, { name: 'a' }] }],
    ],
  },
  {
    title: 'defaults',
    schema: object(
      {
        a: { ...string, default: 'x' },
        o: { ...object({ n: { ...integer, default: 3, minimum: 1 }, s: string }), default: {} },
        l: list(object({ k: { ...string, default: 'key' } })),
        nul: { ...string, nullable: true, default: 'y' },
        m: { type: 'object', additionalProperties: object({ z: { ...integer, default: 9 } }) },
      },
      { required: ['a'] },
    ),
    objects: [
      {},
      { a: null, o: { s: 'q' } },
      { l: [{}, { k: 'v' }, { k: null }], m: { q: {} } },
      { nul: null },
      { o: { n: 0 } },
    ],
  },
  {
    title: 'embedded resources',
    schema: object({
      t: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    }),
    objects: [
      { t: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: {} } },
      { t: {} },
      { t: { apiVersion: '', kind: 'Pod' } },
    ],
  },
  {
    title: 'what an update leaves alone is not complained about',
    schema: object({
      s: { ...string, maxLength: 5, minLength: 2 },
      o: object({ a: { ...integer, minimum: 5 }, b: string }),
      l: list(object({ k: string, v: { ...integer, maximum: 3 } }, { required: ['k'] }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      }),
    }),
    objects: [],
    updates: [
      [{ s: 'abc' }, { s: 'a' }],
      [{ o: { a: 5, b: 'x' } }, { o: { a: 4, b: 'x' } }],
      [
        { l: [{ k: 'a', v: 1 }] },
        {
          l: [
            { k: 'b', v: 9 },
            { k: 'a', v: 1 },
          ],
        },
      ],
    ],
  },
];

export const ruleCases: readonly SchemaCase[] = [
  {
    title: 'simple rules',
    schema: object(
      {
        min: integer,
        max: integer,
        n: { type: 'number', ...rules('self > 0.5') },
        name: { ...string, ...rules({ rule: "self.startsWith('a')", message: ' must start with a ' }) },
      },
      rules(
        'has(self.min) == has(self.max)',
        { rule: '!has(self.min) || self.min <= self.max', message: 'min must not exceed max', fieldPath: '.min' },
        {
          rule: '!has(self.min) || self.min != 13',
          messageExpression: "'unlucky: ' + (self.min == 13 ? 'thirteen' : 'other')",
        },
      ),
    ),
    objects: [
      { min: 1, max: 2, n: 1, name: 'abc' },
      { min: 3, max: 2 },
      { min: 1 },
      { min: 13, max: 13 },
      { n: 0.25, name: 'b' },
      { min: 'x', max: 1 },
      { n: 3 },
    ],
  },
  {
    title: 'reasons',
    schema: object(
      { a: string },
      rules(
        { rule: "self.a != 'forbidden'", reason: 'FieldValueForbidden', message: 'not that' },
        { rule: "self.a != 'required'", reason: 'FieldValueRequired', message: 'need it', fieldPath: '.a' },
        { rule: "self.a != 'duplicate'", reason: 'FieldValueDuplicate', fieldPath: '.a' },
        { rule: "self.a != 'invalid'", reason: 'FieldValueInvalid', fieldPath: '.a' },
      ),
    ),
    objects: [{ a: 'x' }, { a: 'forbidden' }, { a: 'required' }, { a: 'duplicate' }, { a: 'invalid' }],
  },
  {
    title: 'errors while evaluating',
    schema: object(
      {
        a: integer,
        l: list(string),
        m: { type: 'object', additionalProperties: string },
        v: { 'x-kubernetes-int-or-string': true, maxLength: 10 },
      },
      rules(
        'self.a > 0',
        "!has(self.l) || self.l[3] == 'x'",
        "!has(self.m) || self.m['k'] == 'v'",
        '!has(self.a) || 10 / self.a > 1',
        '!has(self.a) || 10 % self.a >= 0',
        '!has(self.v) || self.v < 5',
      ),
    ),
    objects: [
      { a: 1 },
      {},
      { a: 0 },
      { a: 1, l: ['q'] },
      { a: 1, m: { z: 'z' } },
      { a: 1, v: 'x' },
      { a: 1, v: 9 },
      { a: 1, v: 3 },
    ],
  },
  {
    title: 'rules deep inside',
    schema: object({
      l: list(
        {
          ...object({ k: string, v: integer }),
          ...rules({ rule: 'self.v < 10', messageExpression: "self.k + ' has too many'" }),
        },
        { maxItems: 9 },
      ),
      m: {
        type: 'object',
        maxProperties: 9,
        additionalProperties: { ...string, maxLength: 9, ...rules("self != 'bad'") },
      },
      deep: object({ er: object({ est: { ...string, ...rules("self == 'x'") } }) }),
    }),
    objects: [
      {
        l: [
          { k: 'a', v: 1 },
          { k: 'b', v: 11 },
        ],
        m: { a: 'bad', b: 'good' },
        deep: { er: { est: 'y' } },
      },
    ],
  },
  {
    title: 'names that need escaping',
    schema: object(
      { 'a-b': integer, 'x.y': integer, 'p/q': integer, namespace: integer, in: integer, a__b: integer },
      rules(
        'self.a__dash__b > 0',
        'self.x__dot__y > 0',
        'self.p__slash__q > 0',
        'self.__namespace__ > 0',
        'self.__in__ > 0',
        'self.a__underscores__b > 0',
      ),
    ),
    objects: [
      { 'a-b': 1, 'x.y': 1, 'p/q': 1, namespace: 1, in: 1, a__b: 1 },
      { 'a-b': 0, 'x.y': 0, 'p/q': 0, namespace: 0, in: 0, a__b: 0 },
    ],
  },
  {
    title: 'transition rules',
    schema: object(
      {
        im: { ...string, ...rules({ rule: 'self == oldSelf', message: 'is immutable' }) },
        up: { ...integer, ...rules('self >= oldSelf') },
        once: {
          ...string,
          ...rules({
            rule: 'oldSelf.hasValue() || self == "first"',
            optionalOldSelf: true,
            message: 'starts with first',
          }),
        },
        l: list(
          { ...object({ k: string, v: { ...integer, ...rules('self >= oldSelf') } }), required: ['k'] },
          { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], maxItems: 9 },
        ),
      },
      rules({ rule: '!has(oldSelf.im) || has(self.im)', message: 'im may not be removed' }),
    ),
    objects: [{ im: 'a', up: 1, once: 'first' }, { once: 'second' }],
    updates: [
      [{ im: 'a' }, { im: 'b' }],
      [{ im: 'a' }, {}],
      [{ up: 5 }, { up: 4 }],
      [{ up: 5 }, { up: 5 }],
      [{}, { im: 'x', up: 1 }],
      [{ once: 'first' }, { once: 'later' }],
      [
        { l: [{ k: 'a', v: 5 }] },
        {
          l: [
            { k: 'b', v: 1 },
            { k: 'a', v: 4 },
          ],
        },
      ],
      [{ l: [{ k: 'a', v: 5 }] }, { l: [{ k: 'b', v: 1 }] }],
    ],
  },
  {
    title: 'functions',
    schema: object(
      {
        s: { ...string, maxLength: 100 },
        l: list({ ...string, maxLength: 20 }, { maxItems: 20 }),
        n: list(integer, { maxItems: 20 }),
        t: { ...string, format: 'date-time' },
        d: { ...string, format: 'duration' },
      },
      rules(
        { rule: "!has(self.s) || self.s.matches('^[a-z:/.0-9]+$')", message: 'matches' },
        { rule: "!has(self.s) || self.s.lowerAscii().contains('a')", message: 'contains' },
        { rule: "!has(self.s) || self.s.replace('a', 'b') != 'b'", message: 'replace' },
        { rule: "!has(self.s) || self.s.split('/').size() < 5", message: 'split' },
        { rule: "!has(self.s) || self.s.find('[0-9]+') != '42'", message: 'find' },
        { rule: "!has(self.s) || self.s.charAt(0) != 'z'", message: 'charAt' },
        { rule: "!has(self.s) || !isURL(self.s) || url(self.s).getScheme() == 'https'", message: 'url' },
        { rule: '!has(self.l) || self.l.all(x, size(x) > 1)', message: 'all' },
        { rule: "!has(self.l) || self.l.exists(x, x == 'ab')", message: 'exists' },
        { rule: "!has(self.l) || self.l.exists_one(x, x == 'ab')", message: 'exists_one' },
        { rule: '!has(self.l) || self.l.isSorted()', message: 'sorted' },
        { rule: "!has(self.l) || self.l.filter(x, x.startsWith('a')).size() > 0", message: 'filter' },
        { rule: "!has(self.l) || self.l.join(',').size() < 30", message: 'join' },
        { rule: "!has(self.l) || self.l.indexOf('ab') == 0", message: 'indexOf' },
        { rule: '!has(self.n) || self.n.sum() < 10', message: 'sum' },
        { rule: '!has(self.n) || self.n.max() < 5 && self.n.min() > 0', message: 'minmax' },
        { rule: '!has(self.n) || sets.contains([1, 2, 3, 4, 5, 9], self.n)', message: 'sets' },
        { rule: "!has(self.t) || self.t > timestamp('2020-01-01T00:00:00Z')", message: 'timestamp' },
        { rule: "!has(self.d) || self.d <= duration('1h')", message: 'duration' },
        {
          rule: "!has(self.s) || !isQuantity(self.s) || quantity(self.s).isLessThan(quantity('1Gi'))",
          message: 'quantity',
        },
        { rule: "self.?s.orValue('ok') != 'no/a'", message: 'optional' },
      ),
    ),
    objects: [
      { s: 'abc', l: ['ab', 'cd'], n: [1, 2], t: '2024-01-01T00:00:00Z', d: '5m' },
      { s: 'UPPER' },
      { s: 'http://a/b' },
      { s: 'https://a' },
      { s: 'a/b/c/d/e/f' },
      { s: 'a42' },
      { s: 'za' },
      { s: 'a' },
      { s: '2Gi' },
      { s: 'no/a' },
      { l: ['x'] },
      { l: ['cd', 'ab', 'ab'] },
      { l: [] },
      { n: [5, 6] },
      { n: [0, 7] },
      { t: '2019-01-01T00:00:00Z', d: '2h' },
    ],
  },
  {
    title: 'rules of the whole object',
    root: true,
    schema: object(
      {
        spec: object({ a: { ...string, default: 'x' } }),
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
      rules({ rule: "self.metadata.name.startsWith('case')", message: 'name' }, "self.spec.a != 'bad'", {
        rule: "self.kind == 'Thing'",
        message: 'kind',
      }),
    ),
    objects: [{ spec: { a: 'x' } }, { spec: { a: 'bad' } }, {}],
  },
  {
    title: 'blocked rules',
    schema: object(
      { a: { ...string, maxLength: 3 }, b: integer, c: { ...string, enum: ['x'] } },
      { required: ['b'], ...rules("self.a != 'no'", 'self.b > 0') },
    ),
    objects: [{ a: 'no', b: 1 }, { a: 'no' }, { a: 'long!', b: 0 }, { a: 'no', b: 'x' }, { a: 'no', b: 1, c: 'y' }],
  },
  {
    title: 'unchanged parts are not complained about',
    schema: object({ a: { ...string, ...rules("self != 'bad'") }, b: string }),
    objects: [],
    updates: [
      [
        { a: 'x', b: '1' },
        { a: 'bad', b: '1' },
      ],
      [
        { a: 'x', b: '1' },
        { a: 'x', b: '2' },
      ],
    ],
  },
];
