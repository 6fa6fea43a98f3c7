//! What a training reads, and what it tells while it runs.

use quern_engine::Session;

use crate::support::{error, rows, session};

const SEARCH: &str = "CREATE EXPERIMENT best WITH (model_class = 'Ridge', experiment_class = 'GridSearchCV', \
    tune_parameters = (alpha = ARRAY[0.001, 0.01, 0.1, 1.0, 10.0]), experiment_kwargs = (cv = 5), \
    target_column = 'fare')";
const CLUSTERS: &str = "CREATE MODEL clusters WITH (model_class = 'KMeans', n_clusters = 3)";

/// A session, and the query of a file with three columns and one that nobody asks for.
async fn rides(folder: &tempfile::TempDir) -> (Session, String) {
    let session = session();
    let path = folder.path().join("rides.parquet");
    let path = path.to_str().unwrap();
    let copy = format!(
        "COPY (SELECT x % 100 / 7.0::double precision AS km, x % 24 AS hour, \
         2.5 + x % 100 / 3.0::double precision AS fare, 'ride ' || x AS note \
         FROM generate_series(1, 20000) g(x)) TO '{path}'"
    );
    rows(&session, &copy).await.unwrap();
    (session, format!("SELECT km, hour, fare FROM '{path}'"))
}

/// Bytes that the line tells.
fn bytes(line: &str) -> u64 {
    let Some((before, _)) = line.split_once(" bytes from files") else {
        assert!(line.contains("nothing from files"), "{line}");
        return 0;
    };
    let number = before.rsplit(' ').next().unwrap();
    number.replace(',', "").parse().unwrap()
}

fn passes(lines: &[String]) -> Vec<&String> {
    let from = lines.iter().position(|l| l == "Passes over the rows:");
    let rest = &lines[from.unwrap() + 1..];
    rest.iter().take_while(|l| l.starts_with("  ")).collect()
}

#[tokio::test]
async fn a_search_over_folds_reads_the_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let (session, query) = rides(&folder).await;
    let sums = format!("SELECT sum(km), sum(hour), sum(fare) FROM ({query})");
    // The second time, when the file's footer is known.
    rows(&session, &sums).await.unwrap();
    rows(&session, &sums).await.unwrap();
    let once = session.current_query().unwrap().progress().bytes_read;
    assert!(once > 0);

    let explained = format!("EXPLAIN ANALYZE {SEARCH} AS ({query})");
    let lines = rows(&session, &explained).await.unwrap();
    let passes = passes(&lines);
    assert_eq!(passes.len(), 1, "{lines:?}");
    assert!(
        passes[0].starts_with("  1. train: 20,000 rows, "),
        "{lines:?}"
    );
    let scanned = lines.iter().find(|l| l.starts_with("Scanned: 20,000 rows"));
    assert_eq!(bytes(scanned.unwrap()), once);

    // It is the search that ran: its winner is there.
    let scored = format!("SELECT count(target) FROM PREDICT(MODEL best, {query})");
    assert_eq!(rows(&session, &scored).await.unwrap(), ["20000"]);
}

#[tokio::test]
async fn passes_over_kept_rows_read_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let (session, query) = rides(&folder).await;
    let explained = format!("EXPLAIN (ANALYZE) {CLUSTERS} AS ({query})");
    let lines = rows(&session, &explained).await.unwrap();
    let passes = passes(&lines);
    assert!(passes[0].starts_with("  1. keep the rows: 20,000 rows, "));
    assert!(bytes(passes[0]) > 0);
    assert!(passes.len() > 4, "{lines:?}");
    for pass in &passes[1..] {
        assert!(pass.contains("train: 20,000 rows, "), "{lines:?}");
        assert_eq!(bytes(pass), 0);
    }
}

#[tokio::test]
async fn only_analyze_trains() {
    let folder = tempfile::tempdir().unwrap();
    let (session, query) = rides(&folder).await;
    rows(&session, &format!("EXPLAIN {CLUSTERS} AS ({query})"))
        .await
        .unwrap();
    let missing = error(&session, "DESCRIBE MODEL clusters").await;
    assert_eq!(missing.sqlstate(), "42704");

    rows(&session, "BEGIN READ ONLY").await.unwrap();
    rows(&session, &format!("EXPLAIN {CLUSTERS} AS ({query})"))
        .await
        .unwrap();
    let refused = error(
        &session,
        &format!("EXPLAIN ANALYZE {CLUSTERS} AS ({query})"),
    )
    .await;
    assert_eq!(refused.sqlstate(), "25006");
    assert!(
        refused.message.contains("CREATE MODEL"),
        "{}",
        refused.message
    );
    rows(&session, "ROLLBACK").await.unwrap();

    rows(
        &session,
        &format!("EXPLAIN ANALYZE {CLUSTERS} AS ({query})"),
    )
    .await
    .unwrap();
    let taken = error(
        &session,
        &format!("EXPLAIN ANALYZE {CLUSTERS} AS ({query})"),
    )
    .await;
    assert_eq!(taken.sqlstate(), "42P07");
}

#[tokio::test]
async fn a_training_tells_its_pass_and_what_falls() {
    let folder = tempfile::tempdir().unwrap();
    let (session, query) = rides(&folder).await;
    let doing = async |statement: String| {
        rows(&session, &statement).await.unwrap();
        let doing = session.current_query().unwrap().progress().doing;
        let told = "SELECT doing FROM system.queries WHERE state = 'finished' ORDER BY started DESC, id DESC LIMIT 1";
        assert_eq!(rows(&session, told).await.unwrap(), [doing.as_str()]);
        doing
    };
    let clusters = doing(format!("{CLUSTERS} AS ({query})")).await;
    assert!(
        clusters.starts_with("pass ") && clusters.contains(", inertia "),
        "{clusters}"
    );
    let label =
        "CREATE MODEL late WITH (model_class = 'LogisticRegression', target_column = 'late')";
    let label = doing(format!(
        "{label} AS (SELECT km, hour > 12 AS late FROM ({query}))"
    ))
    .await;
    assert!(
        label.starts_with("pass ") && label.contains(", loss 0."),
        "{label}"
    );
    let sources = "CREATE MODEL sources WITH (model_class = 'FastICA', n_components = 2)";
    let sources = doing(format!("{sources} AS (SELECT km, hour FROM ({query}))")).await;
    assert!(
        sources.starts_with("training in memory, step "),
        "{sources}"
    );
    let search = SEARCH
        .replace("'Ridge'", "'LogisticRegression'")
        .replace("alpha", "C");
    let search = search.replace("cv = 5", "cv = 2").replace("fare", "late");
    let search = doing(format!(
        "{search} AS (SELECT km, hour > 12 AS late FROM ({query}))"
    ))
    .await;
    // The winner is trained last.
    assert!(
        search.starts_with("pass ") && search.contains(", loss "),
        "{search}"
    );
    // Any other statement says nothing.
    rows(&session, &query).await.unwrap();
    assert_eq!(session.current_query().unwrap().progress().doing, "");
}
