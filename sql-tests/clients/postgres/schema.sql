-- What every client finds, in both servers. Quern has no keys, defaults and serials, so neither has this.
CREATE TABLE fields (id integer NOT NULL, name text, price numeric(10, 2), ratio double precision, half real,
    small smallint, big bigint, flag boolean, day date, at timestamp, zoned timestamptz, raw bytea,
    numbers integer[], tags text[]);
INSERT INTO fields VALUES
    (1, 'plain', 12.50, 0.1, 1.5, 1, 9223372036854775807, true, '2024-02-29', '2024-02-29 12:34:56.789',
        '2024-02-29 12:34:56+00', '\x00ff', ARRAY[1, NULL, 3], ARRAY['a', 'b,c', '"q"', NULL, '']),
    (2, E'Ünï 漢字 🌾\t\\ "''', -0.01, 1e21, '-0', -32768, -9223372036854775808, false, '0001-01-01',
        '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', '', ARRAY[]::integer[], ARRAY[]::text[]),
    (3, '', 0, 'Infinity', 'NaN', 0, 0, NULL, '9999-12-31', '9999-12-31 00:00:00', '2024-06-30 10:00:00+02', '\x5c',
        NULL, NULL),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE orders (id bigint NOT NULL, customer text NOT NULL, amount numeric(12, 2), placed date);
INSERT INTO orders VALUES (1, 'ada', 10.00, '2024-01-01'), (2, 'bob', 20.50, '2024-01-02'), (3, 'ada', 5.25, NULL);
CREATE TABLE points (k bigint, v text);
INSERT INTO points SELECT n, 'v' || n FROM generate_series(1, 1000) AS s (n);
CREATE TABLE scratch (a integer, b text);
CREATE VIEW totals AS SELECT customer, sum(amount) AS total, count(*) AS orders FROM orders GROUP BY customer;
CREATE SCHEMA side;
CREATE TABLE side.notes (id integer, note text);
INSERT INTO side.notes VALUES (1, 'first');
