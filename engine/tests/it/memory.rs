//! Little memory: plans that can spill, and queries that run again when they could not.

use quern_engine::{Engine, Kind, Session, SessionOptions, Settings};

use crate::support::{error, rows};

fn session(memory_limit: &str) -> Session {
    let mut settings = Settings::default();
    settings
        .set_at_start("quern.memory_limit", memory_limit)
        .unwrap();
    settings.set_at_start("quern.threads", "2").unwrap();
    Engine::open(settings)
        .unwrap()
        .session(SessionOptions::local())
}

/// The operators of a plan, outermost first.
async fn operators(session: &Session, query: &str) -> Vec<String> {
    let lines = rows(session, &format!("EXPLAIN {query}")).await.unwrap();
    let name = |line: &String| line.trim().split([':', ' ']).next().unwrap().to_string();
    lines
        .iter()
        .map(name)
        .filter(|n| n.ends_with("Exec"))
        .collect()
}

const TABLE: &str = "CREATE TABLE t AS SELECT x, x % 7 AS y FROM generate_series(1, 150000) s(x)";
const JOIN: &str = "SELECT count(*) FROM t a JOIN t b ON a.x = b.x AND a.y < b.y + 1";

#[tokio::test]
async fn a_join_that_outgrows_the_memory_spills() {
    let plan = [
        "ProjectionExec",
        "AggregateExec",
        "CoalescePartitionsExec",
        "AggregateExec",
        "SpillingHashJoinExec",
        "RepartitionExec",
        "DataSourceExec",
        "RepartitionExec",
        "DataSourceExec",
    ];
    let little = session("8MiB");
    rows(&little, TABLE).await.unwrap();
    assert_eq!(operators(&little, JOIN).await, plan);
    assert_eq!(rows(&little, JOIN).await.unwrap(), ["150000"]);
    let progress = little.current_query().unwrap().progress();
    assert_eq!(progress.retries, 0);
    assert!(progress.spilled_bytes > 0);

    let much = session("1GiB");
    rows(&much, TABLE).await.unwrap();
    let plan = operators(&much, JOIN).await;
    assert!(
        plan.contains(&"SpillingHashJoinExec".to_string()),
        "{plan:?}"
    );
    assert_eq!(rows(&much, JOIN).await.unwrap(), ["150000"]);
    assert_eq!(much.current_query().unwrap().progress().spilled_bytes, 0);
}

#[tokio::test]
async fn every_type_of_join_gives_the_same_rows() {
    let (little, much) = (session("8MiB"), session("1GiB"));
    for session in [&little, &much] {
        rows(session, TABLE).await.unwrap();
    }
    let other = "(SELECT CASE WHEN x % 3 = 0 THEN NULL ELSE x + 1000 END AS k, y FROM t)";
    let nulls = "(SELECT CASE WHEN x = 5 THEN NULL ELSE x END AS k FROM t)";
    for query in [
        format!("SELECT count(*), sum(a.x), sum(k) FROM t a LEFT JOIN {other} b ON a.x = k"),
        format!("SELECT count(*), sum(a.x), sum(k) FROM {other} b RIGHT JOIN t a ON a.x = k"),
        format!(
            "SELECT count(*), sum(a.x), sum(k) FROM {other} b FULL JOIN t a ON a.x = k AND a.y = b.y"
        ),
        format!(
            "SELECT count(*), sum(x) FROM t WHERE EXISTS (SELECT 1 FROM {other} b WHERE k = x)"
        ),
        format!(
            "SELECT count(*), sum(x) FROM t WHERE NOT EXISTS (SELECT 1 FROM {other} b WHERE k = x)"
        ),
        format!("SELECT count(*), sum(x) FROM t WHERE x IN (SELECT k FROM {other} b)"),
        format!(
            "SELECT count(*), sum(a.k) FROM {nulls} a JOIN {nulls} b ON a.k IS NOT DISTINCT FROM b.k"
        ),
        format!(
            "SELECT count(*), sum(x) FROM t WHERE x IN (SELECT k FROM {other} b WHERE k IS NOT NULL) OR x < 50"
        ),
    ] {
        let expected = rows(&much, &query).await.unwrap();
        assert_eq!(rows(&little, &query).await.unwrap(), expected, "{query}");
    }
}

/// What a join needs is found out when it runs; statistics may know nothing of it.
#[tokio::test]
async fn a_join_of_unknown_size_spills() {
    let session = session("8MiB");
    let join = "FROM (SELECT x FROM generate_series(1, 600000) a(x) WHERE x % 2 >= 0) a \
                JOIN (SELECT y FROM generate_series(1, 600000) b(y) WHERE y % 2 >= 0) b ON x = y";
    let counted = rows(&session, &format!("SELECT count(*) {join}")).await;
    assert_eq!(counted.unwrap(), ["600000"]);
    let progress = session.current_query().unwrap().progress();
    assert_eq!(progress.retries, 0);
    assert!(progress.spilled_bytes > 0);
}

/// The planner takes the filtered side for small, so all partitions are to share it.
#[tokio::test]
async fn a_join_that_was_thought_small_spills() {
    let session = session("8MiB");
    rows(&session, TABLE).await.unwrap();
    let small = "(SELECT x FROM t WHERE x % 2 >= 0 AND x % 3 >= 0 AND x % 5 >= 0 AND x + y > 0)";
    for (join, expected) in [
        (format!("FROM {small} a JOIN t ON a.x = t.x"), "150000"),
        (
            format!("FROM {small} a LEFT JOIN t ON a.x = t.x + 9"),
            "150000",
        ),
    ] {
        let counted = rows(&session, &format!("SELECT count(*) {join}")).await;
        assert_eq!(counted.unwrap(), [expected]);
        assert_eq!(session.current_query().unwrap().progress().retries, 0);
    }
}

#[tokio::test]
async fn a_join_that_spills_is_cancelled_and_its_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    for (name, value) in [
        ("quern.memory_limit", "8MiB"),
        ("quern.threads", "2"),
        ("quern.spill_dir", folder.path().to_str().unwrap()),
    ] {
        settings.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(settings).unwrap();
    let session = engine.session(SessionOptions::local());
    let join = "SELECT count(*) FROM generate_series(1, 900000000) a(x) \
                JOIN generate_series(1, 900000000) b(y) ON x = y";
    let cancel = async {
        let spilled = || {
            let query = session.current_query();
            query.is_some_and(|query| query.progress().spilled_bytes > 0)
        };
        while !spilled() {
            tokio::task::yield_now().await;
        }
        session.cancel();
    };
    let (e, ()) = tokio::join!(error(&session, join), cancel);
    assert_eq!(e.kind, Kind::Cancelled, "{e:?}");
    while spilled(folder.path()) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rows(&session, "SELECT 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn what_cannot_spill_fails_and_the_next_query_runs() {
    let session = session("8MiB");
    let e = error(
        &session,
        "SELECT cardinality(array_agg(x)) FROM generate_series(1, 5000000) t(x)",
    )
    .await;
    assert_eq!(e.kind, Kind::OutOfMemory);
    assert!(e.hint.unwrap().contains("quern.memory_limit"));
    assert_eq!(rows(&session, "SELECT 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn spilling_stops_at_its_limit_and_the_next_query_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    for (name, value) in [
        ("quern.memory_limit", "8MiB"),
        ("quern.spill_limit", "1MiB"),
        ("quern.spill_dir", folder.path().to_str().unwrap()),
    ] {
        settings.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(settings).unwrap();
    let session = engine.session(SessionOptions::local());
    let e = error(
        &session,
        "SELECT x FROM generate_series(1, 2000000) t(x) ORDER BY -x OFFSET 1999999",
    )
    .await;
    assert_eq!(e.kind, Kind::DiskFull, "{e:?}");
    assert_eq!(rows(&session, "SELECT 1").await.unwrap(), ["1"]);
    // Tasks of the query that ended let go of their files at their next step.
    while spilled(folder.path()) > 0 {
        tokio::task::yield_now().await;
    }
}

/// Files in the spill folder, without the locks of the processes.
pub fn spilled(path: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let count = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => spilled(&path),
        path => usize::from(!path.ends_with("lock")),
    };
    entries.map(count).sum()
}

/// A join that keeps the order of its one side, so that it is planned by hash and runs out of 8 MiB;
/// when it is planned anew, it spills and sorts.
const TOO_LARGE: &str = "(SELECT x FROM generate_series(1, 600000) a(x) WHERE x % 2 >= 0) a \
    JOIN (SELECT y FROM (SELECT y, row_number() OVER (ORDER BY y) AS r FROM generate_series(1, 600000) b(y)) b \
          WHERE r > 0) b ON x = y";

fn one_thread() -> Session {
    let mut settings = Settings::default();
    for (name, value) in [("quern.memory_limit", "8MiB"), ("quern.threads", "1")] {
        settings.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(settings).unwrap();
    engine.session(SessionOptions::local())
}

fn retries(session: &Session) -> u64 {
    session.current_query().unwrap().progress().retries
}

#[tokio::test]
async fn a_query_that_ran_again_says_so() {
    let session = one_thread();
    rows(
        &session,
        &format!("SELECT count(*), sum(y) FROM {TOO_LARGE}"),
    )
    .await
    .unwrap();
    let warnings = session.current_query().unwrap().warnings();
    assert!(warnings[0].starts_with("out of memory: the query was run once more"));
    rows(&session, "SELECT 1").await.unwrap();
    assert!(session.current_query().unwrap().warnings().is_empty());

    let explain = format!("EXPLAIN ANALYZE SELECT count(*), sum(y) FROM {TOO_LARGE}");
    let lines = rows(&session, &explain).await.unwrap();
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has("Out of memory at first"), "{lines:#?}");
    assert!(has("SpillingHashJoinExec"), "{lines:#?}");
    let small = rows(&session, "EXPLAIN ANALYZE SELECT 1").await.unwrap();
    assert!(!small.iter().any(|line| line.contains("memory at first")));
}

/// Statements that write read once more, and what the first attempt wrote is gone.
#[tokio::test(flavor = "multi_thread")]
async fn writing_statements_run_again_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    for (name, value) in [
        ("quern.memory_limit", "8MiB"),
        ("quern.threads", "1"),
        ("quern.data_dir", folder.path().to_str().unwrap()),
    ] {
        settings.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(settings).unwrap();
    let session = engine.session(SessionOptions::local());
    let file = folder.path().join("out.csv");
    for (sql, expected) in [
        (
            format!("CREATE TABLE made AS SELECT y FROM {TOO_LARGE}"),
            600_000,
        ),
        (
            format!("INSERT INTO made SELECT -y FROM {TOO_LARGE}"),
            600_000,
        ),
        (
            format!("COPY (SELECT y FROM {TOO_LARGE}) TO '{}'", file.display()),
            600_000,
        ),
    ] {
        let outcome = session
            .sql(&sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        assert_eq!(outcome.affected_rows, Some(expected), "{sql}");
        assert_eq!(retries(&session), 1, "{sql}");
        assert_eq!(session.current_query().unwrap().warnings().len(), 1);
    }
    let sum = rows(&session, "SELECT count(*), sum(y) FROM made").await;
    assert_eq!(sum.unwrap(), ["1200000|0"]);
    let copied = format!("SELECT count(*), sum(y) FROM '{}'", file.display());
    assert_eq!(
        rows(&session, &copied).await.unwrap(),
        ["600000|180000300000"]
    );
    let unused = "VACUUM made RETAIN 0 HOURS DRY RUN";
    assert!(rows(&session, unused).await.unwrap().is_empty());
    let delete = format!("DELETE FROM made WHERE y IN (SELECT -y FROM {TOO_LARGE})");
    let outcome = session.sql(&delete).await.unwrap();
    assert_eq!(
        (outcome.affected_rows, retries(&session)),
        (Some(600_000), 1)
    );
    let sum = rows(&session, "SELECT count(*), sum(y) FROM made").await;
    assert_eq!(sum.unwrap(), ["600000|180000300000"]);
}
