//! Files cut into chunks: parallel reading gives what reading from start to end gives.

use super::*;
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// A CSV file whose fields hold anything, quoted or not as `style` says.
fn written(rows: &[Vec<String>], line_end: &str, header: bool) -> String {
    let field = |cell: &String| {
        let special = cell.contains([',', '"', '\n', '\r']) || cell.len() % 3 == 1;
        match special {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        }
    };
    let names = if header {
        format!("id,a,b{line_end}")
    } else {
        String::new()
    };
    let lines = rows.iter().enumerate().map(|(id, row)| {
        let fields: Vec<_> = row.iter().map(field).collect();
        format!("{id},{}{line_end}", fields.join(","))
    });
    names + &lines.collect::<String>()
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{0,6}",
        2 => "[a,\"\n]{0,8}",
        1 => "[a-z]{1,3}(\r\n|\n)[0-9],[a-z],\"[a-z]\"",
    ]
}

const ALL: &str = "SELECT id, md5(a) AS a, md5(b) AS b, a IS NULL AS n FROM t ORDER BY id";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn cuts_do_not_change_the_rows(
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 2), 1..60),
        blocksize in 1_u64..400,
        partitions in 1_usize..8,
        windows in any::<bool>(),
        header in any::<bool>(),
    ) {
        let files = Files::with_partitions(partitions);
        let text = written(&rows, if windows { "\r\n" } else { "\n" }, header);
        files.write("t.csv", &text);
        let columns = [("id", arrow::datatypes::DataType::Int64), ("a", arrow::datatypes::DataType::Utf8View), ("b", arrow::datatypes::DataType::Utf8View)];
        Runtime::new().unwrap().block_on(async {
            let mut found = Vec::new();
            for options in [vec![("parallel", OptionValue::Boolean(false))], vec![("blocksize", number(blocksize))]] {
                let header = ("header", OptionValue::Boolean(header));
                let options: Vec<_> = options.into_iter().chain([header]).collect();
                let mut spec = files.spec("t.csv", &options);
                spec.columns = columns.iter().map(|(name, data_type)| quern_engine::source::ColumnSpec {
                    name: name.to_string(),
                    data_type: data_type.clone(),
                    nullable: true,
                }).collect();
                let table = files.create("t", spec).await.unwrap();
                let chunks = table.chunks(&files.context.state()).await.unwrap();
                let mut next = 0;
                for chunk in &chunks {
                    assert_eq!(chunk.offset_bytes, next);
                    next += chunk.length_bytes;
                }
                assert_eq!(next, text.len() as u64);
                found.push(files.rows(ALL).await);
            }
            assert_eq!(found[0].len(), rows.len());
            assert_eq!(found[0], found[1]);
        });
    }
}

#[tokio::test]
async fn large_files_are_really_cut() {
    let files = Files::with_partitions(3);
    let line = |n: usize| format!("{n},\"text {n}\nwith, \"\"two\"\" lines\",{}\n", n * 2);
    let text: String = std::iter::once("n,t,m\n".to_string())
        .chain((0..5000).map(line))
        .collect();
    files.write("t.csv", &text);
    let options = [("blocksize", number(20_000))];
    let table = files
        .create("t", files.spec("t.csv", &options))
        .await
        .unwrap();
    let chunks = table.chunks(&files.context.state()).await.unwrap();
    assert!(chunks.len() > 9, "{}", chunks.len());
    let rows = files
        .rows("SELECT count(*), sum(n), sum(m), count(DISTINCT t), min(length(t)) FROM t")
        .await;
    let sum = 4999 * 5000 / 2;
    assert_eq!(rows, [format!("5000|{sum}|{}|5000|24", sum * 2)]);
    assert_eq!(files.rows("SELECT n FROM t WHERE n = 4321").await, ["4321"]);
}

#[tokio::test]
async fn json_lines_are_cut_at_line_ends() {
    let files = Files::with_partitions(3);
    let text: String = (0..2000)
        .map(|n| format!("{{\"n\": {n}, \"t\": \"a\\nb\"}}\n"))
        .collect();
    files.write("t.ndjson", &text);
    let options = [("blocksize", number(1000))];
    let table = files
        .create("t", files.spec("t.ndjson", &options))
        .await
        .unwrap();
    assert!(table.chunks(&files.context.state()).await.unwrap().len() > 20);
    assert_eq!(
        files
            .rows("SELECT count(*), sum(n), count(DISTINCT t) FROM t")
            .await,
        ["2000|1999000|1"]
    );
}

/// The rows that a sample of the table has.
async fn sampled(
    files: &Files,
    table: &FileTable,
    bernoulli: bool,
    percent: f64,
    seed: u64,
) -> Vec<String> {
    let sample = match bernoulli {
        true => table.sampled_bernoulli(percent, seed),
        false => table.sampled_system(percent, seed),
    };
    files.context.deregister_table("s").unwrap();
    files.context.register_table("s", Arc::new(sample)).unwrap();
    files.rows("SELECT n FROM s ORDER BY n").await
}

#[tokio::test]
async fn samples_do_not_depend_on_threads() {
    let text: String = (0..20_000).map(|n| format!("{n},{n}\n")).collect();
    let mut found = Vec::new();
    for partitions in [1, 2, 7] {
        let files = Files::with_partitions(partitions);
        // The place of the file decides which rows are in, so it must be the same each time.
        let folder = std::env::temp_dir().join("quern-sample-test");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{}.csv", std::process::id()));
        std::fs::write(&path, format!("n,m\n{text}")).unwrap();
        let mut spec = files.spec("unused", &[("blocksize", number(5000))]);
        spec.locations = vec![path.display().to_string()];
        let table = files.create("t", spec).await.unwrap();
        let rows = sampled(&files, &table, true, 10.0, 42).await;
        assert!((1800..2200).contains(&rows.len()), "{}", rows.len());
        let chunks = sampled(&files, &table, false, 50.0, 42).await;
        assert!((4000..16_000).contains(&chunks.len()), "{}", chunks.len());
        assert_ne!(sampled(&files, &table, true, 10.0, 43).await, rows);
        assert_eq!(sampled(&files, &table, true, 100.0, 1).await.len(), 20_000);
        assert!(sampled(&files, &table, false, 0.0, 1).await.is_empty());
        assert_eq!(files.rows("SELECT count(*) FROM s").await, ["0"]);
        found.push((rows, chunks));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn limits_and_filters_come_after_sampling() {
    let files = Files::with_partitions(2);
    files.write(
        "t.parquet",
        super::formats::parquet_of_numbers(10_000, 1000),
    );
    let table = files
        .create("t", files.spec("t.parquet", &[]))
        .await
        .unwrap();
    let chunks = table.chunks(&files.context.state()).await.unwrap();
    assert_eq!(chunks.len(), 10);
    assert_eq!(chunks.iter().filter_map(|c| c.rows).sum::<u64>(), 10_000);
    let rows = sampled(&files, &table, true, 20.0, 3).await;
    assert!((1700..2300).contains(&rows.len()), "{}", rows.len());
    let filtered = files
        .rows("SELECT n FROM s WHERE n >= 5000 ORDER BY n")
        .await;
    let expected: Vec<_> = rows
        .iter()
        .filter(|n| n.parse::<i64>().unwrap() >= 5000)
        .cloned()
        .collect();
    assert_eq!(filtered, expected);
    assert_eq!(files.rows("SELECT n FROM s LIMIT 500").await.len(), 500);
    assert_eq!(
        files.rows("SELECT count(*) FROM s").await,
        [rows.len().to_string()]
    );
    let chunks = sampled(&files, &table, false, 50.0, 3).await;
    assert_eq!(chunks.len() % 1000, 0);
    assert!(!chunks.is_empty() && chunks.len() < 10_000);
    assert_eq!(
        files.rows("SELECT count(*) FROM s").await,
        [chunks.len().to_string()]
    );
}

/// Runs the query; what its scans were to read, and what they counted.
async fn read_bytes(files: &Files, sql: &str) -> (u64, u64) {
    let frame = files.context.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let total = quern_engine::source::scan_totals(plan.as_ref());
    let context = files.context.task_ctx();
    datafusion::physical_plan::collect(Arc::clone(&plan), context)
        .await
        .unwrap();
    (total, quern_engine::source::scanned_bytes(plan.as_ref()))
}

#[tokio::test]
async fn progress_is_counted_in_bytes() {
    let files = Files::with_partitions(2);
    let text: String = (0..5000).map(|n| format!("{n},{n}\n")).collect();
    files.write("t.csv", format!("a,b\n{text}"));
    let size = text.len() as u64 + 4;
    for blocksize in [0, 10_000] {
        files
            .create(
                "t",
                files.spec("t.csv", &[("blocksize", number(blocksize))]),
            )
            .await
            .unwrap();
        assert_eq!(
            read_bytes(&files, "SELECT sum(a) FROM t").await,
            (size, size)
        );
    }
    files.write(
        "t.parquet",
        super::formats::parquet_of_numbers(50_000, 10_000),
    );
    files
        .create("t", files.spec("t.parquet", &[]))
        .await
        .unwrap();
    let (total, read) = read_bytes(&files, "SELECT sum(n * 2) FROM t").await;
    assert!(
        read > 0 && read <= total && total <= read * 2,
        "{read} {total}"
    );
}
