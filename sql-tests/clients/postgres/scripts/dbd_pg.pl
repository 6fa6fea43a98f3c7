# Perl's DBI with DBD::Pg: placeholders, prepared statements, the catalog's methods, COPY, transactions.
use strict;
use warnings;
use DBI;

my $db;

sub json {
    my ($value) = @_;
    return "null" unless defined $value;
    return "[" . join(", ", map { json($_) } @$value) . "]" if ref $value eq "ARRAY";
    my $text = "$value";
    utf8::decode($text) unless utf8::is_utf8($text);
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/([^ -~])/sprintf(ord($1) < 0x10000 ? "\\u%04x" : "?%x?", ord($1))/ge;
    return qq("$text");
}

sub attempt {
    my ($name, $work) = @_;
    my $result = eval { $work->() };
    my $outcome = $@ ? qq("error": ) . json($db->state || "died") . qq(, "_message": ) . json($@) : qq("result": ) . json($result);
    print qq({"step": ) . json($name) . ", $outcome}\n";
}

my $dsn = "dbi:Pg:host=$ENV{PGHOST};port=$ENV{PGPORT};dbname=$ENV{PGDATABASE}";
$db = DBI->connect($dsn, $ENV{PGUSER}, $ENV{PGPASSWORD}, {RaiseError => 1, PrintError => 0, AutoCommit => 1});

sub rows {
    my ($sql, @values) = @_;
    my $s = $db->prepare($sql);
    $s->execute(@values);
    return [$s->rows] unless $s->{NUM_OF_FIELDS};
    return [$s->{NAME}, $s->{pg_type}, $s->fetchall_arrayref];
}

# The columns of a statement of the catalog that servers do not have of their own.
sub chosen {
    my ($s, @names) = @_;
    return [] unless $s;
    return [map { my $row = $_; [map { $row->{$_} } @names] } @{$s->fetchall_arrayref({})}];
}

attempt("ping", sub { $db->ping });
for my $column (qw(id name price ratio half small big flag day at zoned raw numbers tags)) {
    attempt("type $column", sub { rows("SELECT $column FROM fields ORDER BY id") });
}
attempt("placeholders", sub { rows("SELECT id, name FROM fields WHERE id = ? AND name = ?", 1, "plain") });
attempt("dollars", sub { rows('SELECT id FROM fields WHERE id = $1 OR id = $2 ORDER BY id', 1, 3) });
attempt("a null", sub { rows("SELECT ?::text", undef) });
attempt("an array", sub { rows("SELECT id FROM fields WHERE id = ANY(?) ORDER BY id", [1, 3]) });
attempt("bytes", sub {
    my $s = $db->prepare("SELECT id FROM fields WHERE raw = ?");
    $s->bind_param(1, "\x00\xff", {pg_type => DBD::Pg::PG_BYTEA()});
    $s->execute;
    return $s->fetchall_arrayref;
});
attempt("prepared", sub {
    my $s = $db->prepare("SELECT v FROM points WHERE k = ?");
    return [map { $s->execute($_); $s->fetchrow_array } 1 .. 8];
});
attempt("insert", sub { rows("INSERT INTO scratch VALUES (?, ?)", 1, "x") });
attempt("do", sub { $db->do("UPDATE scratch SET b = ? WHERE a = ?", undef, "y", 1) });
attempt("many", sub { my $s = $db->prepare("INSERT INTO scratch VALUES (?, ?)"); [$s->execute_array({ArrayTupleStatus => []}, [10 .. 19], [("z") x 10])] });
attempt("inserted", sub { rows("SELECT count(*), sum(a) FROM scratch") });
attempt("tables", sub { [sort grep { /public/ } $db->tables(undef, "public", undef, "TABLE")] });
attempt("table info", sub { chosen($db->table_info(undef, "public", "%", "TABLE,VIEW"), "TABLE_NAME", "TABLE_TYPE") });
attempt("column info", sub { chosen($db->column_info(undef, "public", "fields", "%"), qw(COLUMN_NAME TYPE_NAME DATA_TYPE NULLABLE ORDINAL_POSITION)) });
attempt("primary keys", sub { chosen($db->primary_key_info(undef, "public", "fields"), "COLUMN_NAME") });
attempt("foreign keys", sub { chosen($db->foreign_key_info(undef, "public", "fields", undef, undef, undef), "FK_COLUMN_NAME") });
attempt("copy in", sub { $db->do("COPY scratch FROM STDIN"); $db->pg_putcopydata("77\tx\n"); $db->pg_putcopydata("78\t\\N\n"); $db->pg_putcopyend });
attempt("copied", sub { rows("SELECT * FROM scratch WHERE a >= 77 ORDER BY a") });
attempt("copy out", sub { $db->do("COPY (SELECT id, customer FROM orders ORDER BY id) TO STDOUT"); my ($all, $row) = (""); $all .= $row while $db->pg_getcopydata($row) >= 0; $all });
attempt("error", sub { rows("SELECT nothing FROM fields") });
attempt("syntax", sub { rows("SELEC 1") });
attempt("value", sub { rows("SELECT ?::int", "x") });
attempt("after errors", sub { rows("SELECT 1::int AS one") });
attempt("transaction", sub { $db->begin_work; my $r = rows("SELECT 1::int AS one"); $db->commit; $r });
attempt("failure", sub { $db->begin_work; eval { rows("SELECT nothing") }; eval { rows("SELECT 1") }; my $state = $db->state; $db->rollback; [$state, rows("SELECT 1::int AS one")] });
attempt("savepoint", sub { $db->begin_work; $db->pg_savepoint("s"); eval { rows("SELECT nothing") }; $db->pg_rollback_to("s"); my $r = rows("SELECT 1::int AS one"); $db->commit; $r });
attempt("cursor", sub { $db->begin_work; $db->do("DECLARE c CURSOR FOR SELECT k FROM points ORDER BY k"); my $r = [map { $_->[0] } @{$db->selectall_arrayref("FETCH 3 FROM c")}]; $db->commit; $r });
attempt("asynchronous", sub { $db->do("SELECT count(*) FROM points", {pg_async => DBD::Pg::PG_ASYNC()}); $db->pg_result });
$db->disconnect;
