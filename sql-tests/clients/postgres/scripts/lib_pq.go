// Go's lib/pq behind database/sql: types, parameters, prepared statements, COPY, transactions, contexts.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"
)

var db *sql.DB

func attempt(name string, work func() (any, error)) {
	step := map[string]any{"step": name}
	result, err := work()
	if err == nil {
		step["result"] = result
	} else if e, ok := err.(*pq.Error); ok {
		step["error"], step["position"], step["_message"] = string(e.Code), e.Position, e.Message
	} else {
		step["error"], step["_message"] = fmt.Sprintf("%T", err), err.Error()
	}
	line, _ := json.Marshal(step)
	fmt.Println(string(line))
}

type asker interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

func ask(on asker, text string, values ...any) (any, error) {
	rows, err := on.QueryContext(context.Background(), text, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, _ := rows.ColumnTypes()
	var columns, all []any
	for _, t := range types {
		precision, scale, ok := t.DecimalSize()
		columns = append(columns, []any{t.Name(), t.DatabaseTypeName(), fmt.Sprint(t.ScanType()), precision, scale, ok})
	}
	for rows.Next() {
		row, places := make([]any, len(types)), make([]any, len(types))
		for n := range row {
			places[n] = &row[n]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		for n := range row {
			row[n] = fmt.Sprintf("%T %v", row[n], row[n])
		}
		all = append(all, row)
	}
	return []any{columns, all}, rows.Err()
}

func copied() (any, error) {
	t, err := db.Begin()
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	s, err := t.Prepare(pq.CopyIn("scratch", "a", "b"))
	if err != nil {
		return nil, err
	}
	for n := 0; n < 100; n++ {
		if _, err := s.Exec(n, fmt.Sprint("b", n)); err != nil {
			return nil, err
		}
	}
	if _, err := s.Exec(); err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return nil, t.Commit()
}

func transactions() {
	attempt("transaction", func() (any, error) {
		t, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		defer t.Rollback()
		return ask(t, "SELECT 1::int AS one")
	})
	attempt("failure", func() (any, error) {
		t, err := db.Begin()
		if err != nil {
			return nil, err
		}
		defer t.Rollback()
		ask(t, "SELECT nothing")
		return ask(t, "SELECT 1::int AS one")
	})
	attempt("time is up", func() (any, error) {
		c, end := context.WithTimeout(context.Background(), time.Second)
		defer end()
		var n int
		return n, db.QueryRowContext(c, "SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17").Scan(&n)
	})
	attempt("after it", func() (any, error) { return ask(db, "SELECT 1::int AS one") })
}

func main() {
	db, _ = sql.Open("postgres", "sslmode=disable")
	for _, column := range []string{"id", "name", "price", "ratio", "half", "small", "big", "flag", "day", "at", "zoned", "raw", "numbers", "tags"} {
		attempt("type "+column, func() (any, error) { return ask(db, "SELECT "+column+" FROM fields ORDER BY id") })
		attempt("prepared type "+column, func() (any, error) { return ask(db, "SELECT "+column+" FROM fields WHERE id < $1 ORDER BY id", 4) })
	}
	attempt("parameters", func() (any, error) { return ask(db, "SELECT id FROM fields WHERE id = $1 AND name = $2 AND flag = $3", 1, "plain", true) })
	attempt("a day", func() (any, error) { return ask(db, "SELECT id FROM fields WHERE day = $1", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)) })
	attempt("an instant", func() (any, error) { return ask(db, "SELECT id FROM fields WHERE zoned = $1", time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)) })
	attempt("an array", func() (any, error) { return ask(db, "SELECT id FROM fields WHERE id = ANY($1) ORDER BY id", pq.Array([]int{1, 3})) })
	attempt("bytes", func() (any, error) { return ask(db, "SELECT id FROM fields WHERE raw = $1", []byte{0, 255}) })
	attempt("prepared", func() (any, error) {
		s, err := db.Prepare("SELECT v FROM points WHERE k = $1")
		if err != nil {
			return nil, err
		}
		defer s.Close()
		var all []string
		for k := 1; k <= 8; k++ {
			var v string
			if err := s.QueryRow(k).Scan(&v); err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	})
	attempt("insert", func() (any, error) {
		r, err := db.Exec("INSERT INTO scratch VALUES ($1, $2)", 1, "x")
		if err != nil {
			return nil, err
		}
		return r.RowsAffected()
	})
	attempt("copy", copied)
	attempt("copied", func() (any, error) { return ask(db, "SELECT count(*), sum(a) FROM scratch") })
	attempt("error", func() (any, error) { return ask(db, "SELECT nothing FROM fields") })
	attempt("value", func() (any, error) { return ask(db, "SELECT $1::int", "x") })
	attempt("after errors", func() (any, error) { return ask(db, "SELECT 1::int AS one") })
	transactions()
}
