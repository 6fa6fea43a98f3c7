//! What clients of PostgreSQL ask its catalog, as they were recorded: each query is planned and run.
//!
//! `data/catalog_queries.sql` has them, each after the name of its client. They ask for the table `t`,
//! whose OID was 16384 when they were recorded.

use crate::support;

const SETUP: &str = "CREATE TABLE t (a int, b text, c double precision, d timestamp);
    CREATE VIEW v AS SELECT a, b FROM t;
    CREATE SCHEMA dbts;
    CREATE TABLE dbts.a (id int);
    CREATE VIEW dbts.b AS SELECT * FROM dbts.a";

#[test]
fn recorded_queries_run() {
    let file = support::root().join("sql-tests/data/catalog_queries.sql");
    let text = std::fs::read_to_string(file).unwrap();
    let session = support::session();
    support::block_on(async {
        for statement in session.parse(SETUP).unwrap() {
            support::run(&session, &statement).await.unwrap();
        }
        let oid = session.parse("SELECT 't'::regclass::oid").unwrap();
        let oid = support::run(&session, &oid[0]).await.unwrap().rows[0][0].clone();
        let mut failures = Vec::new();
        let mut count = 0;
        for part in text.split("\n-- client: ").skip(1) {
            let (client, query) = part.split_once('\n').unwrap();
            let query = query.replace("16384", &oid);
            count += 1;
            let failed = match session.parse(&query) {
                Ok(statements) => {
                    let mut failed = None;
                    for statement in &statements {
                        failed = failed.or(support::run(&session, statement).await.err());
                    }
                    failed
                }
                Err(error) => Some(error),
            };
            if let Some(error) = failed {
                failures.push(format!(
                    "{client}: {}: {}\n{query}",
                    error.sqlstate(),
                    error.message
                ));
            }
        }
        assert!(count > 100, "{count} queries");
        assert!(
            failures.is_empty(),
            "{} of {count}\n{}",
            failures.len(),
            failures.join("\n")
        );
    });
}
