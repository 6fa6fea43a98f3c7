<?php
// PHP's two ways: the functions of pgsql, and PDO with statements prepared on the server and by PDO.

function attempt(string $name, callable $work): void {
    try {
        $outcome = ["result" => $work()];
    } catch (PDOException $e) {
        $outcome = ["error" => $e->errorInfo[0] ?? $e->getCode(), "_message" => $e->getMessage()];
    } catch (Throwable $e) {
        $outcome = ["error" => get_class($e), "_message" => $e->getMessage()];
    }
    echo json_encode(["step" => $name] + $outcome, JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

function shown($result, $connection) {
    if ($result === false) return ["error" => pg_last_error($connection) !== ""];
    $columns = [];
    for ($n = 0; $n < pg_num_fields($result); $n++)
        $columns[] = [pg_field_name($result, $n), pg_field_type($result, $n), pg_field_size($result, $n)];
    return [$columns, pg_fetch_all($result, PGSQL_NUM), pg_affected_rows($result)];
}

$columns = explode(" ", "id name price ratio half small big flag day at zoned raw numbers tags");
$c = pg_connect("host=" . getenv("PGHOST") . " connect_timeout=20");
foreach ($columns as $column) attempt("type $column", fn() => shown(pg_query($c, "SELECT $column FROM fields ORDER BY id"), $c));
attempt("parameters", fn() => shown(pg_query_params($c, 'SELECT id FROM fields WHERE id = $1 AND name = $2', [1, "plain"]), $c));
attempt("prepared", function () use ($c) {
    pg_prepare($c, "p", 'SELECT v FROM points WHERE k = $1');
    return array_map(fn($k) => pg_fetch_result(pg_execute($c, "p", [$k]), 0, 0), range(1, 8));
});
attempt("meta data", fn() => pg_meta_data($c, "fields"));
attempt("insert", fn() => pg_insert($c, "scratch", ["a" => 1, "b" => "x"]) !== false);
attempt("select", fn() => pg_select($c, "scratch", ["a" => 1]));
attempt("update", fn() => pg_update($c, "scratch", ["b" => "y"], ["a" => 1]));
attempt("delete", fn() => pg_delete($c, "scratch", ["a" => 1]));
attempt("copy in", fn() => pg_copy_from($c, "scratch", ["77\tx\n", "78\t\\N\n"]));
attempt("copy out", fn() => pg_copy_to($c, "orders"));
attempt("error", fn() => shown(@pg_query($c, "SELECT nothing"), $c));
attempt("after an error", fn() => shown(pg_query($c, "SELECT 1::int AS one"), $c));
attempt("state", fn() => [pg_transaction_status($c), pg_connection_status($c), pg_parameter_status($c, "server_encoding")]);
pg_close($c);

foreach ([false, true] as $emulated) {
    $way = $emulated ? "emulated" : "PDO";
    $p = new PDO("pgsql:host=" . getenv("PGHOST") . ";port=" . getenv("PGPORT") . ";dbname=" . getenv("PGDATABASE"), getenv("PGUSER"), getenv("PGPASSWORD"),
        [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => $emulated]);
    $ask = function (string $sql, array $values = []) use ($p) {
        $s = $p->prepare($sql);
        $s->execute($values);
        $types = [];
        for ($n = 0; $n < $s->columnCount(); $n++) {
            $m = $s->getColumnMeta($n);
            $types[] = [$m["name"], $m["native_type"] ?? null, $m["pgsql:oid"], $m["pdo_type"]];
        }
        $rows = array_map(fn($row) => array_map(fn($v) => is_resource($v) ? bin2hex(stream_get_contents($v)) : $v, $row), $s->columnCount() ? $s->fetchAll(PDO::FETCH_NUM) : []);
        return [$types, $rows, $s->rowCount()];
    };
    foreach ($columns as $column) attempt("$way type $column", fn() => $ask("SELECT $column FROM fields WHERE id < 4 ORDER BY id"));
    attempt("$way parameters", fn() => $ask("SELECT id FROM fields WHERE id = ? AND name = ?", [1, "plain"]));
    attempt("$way names", fn() => $ask("SELECT id FROM fields WHERE id = :id OR name = :name ORDER BY id", ["id" => 1, "name" => ""]));
    attempt("$way again and again", fn() => array_map(fn($k) => $ask("SELECT v FROM points WHERE k = ?", [$k])[1], range(1, 8)));
    attempt("$way insert", fn() => $ask("INSERT INTO scratch VALUES (?, ?)", [5, null]));
    attempt("$way transaction", function () use ($p, $ask) { $p->beginTransaction(); $r = $ask("SELECT 1::int AS one"); $p->commit(); return $r; });
    attempt("$way failure", function () use ($p, $ask) { $p->beginTransaction(); try { $ask("SELECT nothing"); } finally { $p->rollBack(); } });
    attempt("$way after it", fn() => $ask("SELECT 1::int AS one"));
    attempt("$way cursor", function () use ($p) {
        $p->beginTransaction();
        $s = $p->prepare("SELECT k FROM points ORDER BY k", [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $s->execute();
        $r = [$s->fetchColumn(), $s->fetchColumn()];
        $p->commit();
        return $r;
    });
    attempt("$way copy", fn() => $p->pgsqlCopyToArray("orders"));
    $p = null;
}
