//! Where files are found, and partition folders.

use super::*;
use datafusion::physical_plan::displayable;

#[tokio::test]
async fn partition_folders_are_columns_and_prune() {
    let files = Files::new();
    files.write("t/year=2020/state=CA/a.csv", "x\n1\n");
    files.write("t/year=2020/state=N%20Y/a.csv", "x\n2\n");
    files.write(
        "t/year=2021/state=__HIVE_DEFAULT_PARTITION__/a.csv",
        "x\n3\n",
    );
    files.write("t/year=2021/_tmp/b.csv", "broken");
    let rows = files
        .read("t", &[], "SELECT x, year + 1, state FROM t ORDER BY x")
        .await;
    assert_eq!(rows, ["1|2021|CA", "2|2021|N Y", "3|2022|"]);
    assert_eq!(files.rows("SELECT x FROM t WHERE year = 2021").await, ["3"]);
    assert_eq!(
        files.rows("SELECT x FROM t WHERE state IS NULL").await,
        ["3"]
    );
    assert_eq!(
        files
            .rows("SELECT count(*) FROM t WHERE state <> 'CA'")
            .await,
        ["1"]
    );
    assert!(
        files
            .rows("SELECT x FROM t WHERE year = 1999")
            .await
            .is_empty()
    );

    let plan = files
        .context
        .sql("SELECT x FROM t WHERE year = 2020 AND t.state = 'CA'")
        .await
        .unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    let shown = displayable(plan.as_ref()).indent(true).to_string();
    assert!(
        !shown.contains("2021") && !shown.contains("FilterExec"),
        "{shown}"
    );
}

#[tokio::test]
async fn files_are_looked_up_at_each_open() {
    let files = Files::new();
    files.write("t/a.csv", "x\n1\n");
    let definition = files.resolve(files.spec("t", &[])).await.unwrap();
    files.write("t/b.csv", "x\n2\n");
    let table = definition.open(&files.context.state()).await.unwrap();
    assert_eq!(table.total_bytes(), 8);
    std::fs::remove_dir_all(files.root().join("t")).unwrap();
    let gone = definition.open(&files.context.state()).await.unwrap_err();
    assert_eq!(gone.sqlstate(), "58P01");
}

#[tokio::test]
async fn a_folder_of_several_formats_needs_the_format() {
    let files = Files::new();
    files.write("t/a.csv", "x\n1\n");
    files.write("t/b.json", "{\"x\": 2}\n");
    files.write("t/readme.txt", "hello");
    let error = files.resolve(files.spec("t", &[])).await.unwrap_err();
    assert!(error.message.contains("csv, json"), "{error}");
    let rows = files
        .read("t", &[("format", text("json"))], "SELECT x FROM t")
        .await;
    assert_eq!(rows, ["2"]);
}

#[tokio::test]
async fn errors_name_the_location() {
    let files = Files::new();
    files.write("a.dat", "x\n1\n");
    let missing = files.resolve(files.spec("b*.csv", &[])).await.unwrap_err();
    assert_eq!(missing.sqlstate(), "58P01");
    assert!(missing.message.contains("b*.csv"));
    let unknown = files.resolve(files.spec("a.dat", &[])).await.unwrap_err();
    assert_eq!(unknown.sqlstate(), "42P16");
    let option = files
        .resolve(files.spec(
            "a.dat",
            &[("format", text("csv")), ("delimeter", text(","))],
        ))
        .await
        .unwrap_err();
    assert_eq!(option.sqlstate(), "42704");
    assert!(option.hint.unwrap().contains("delimiter"));
    let remote = Spec {
        locations: vec!["ftp://b/x.parquet".into()],
        ..Spec::default()
    };
    assert_eq!(files.resolve(remote).await.unwrap_err().sqlstate(), "0A000");
}

#[tokio::test]
async fn partitioned_by_must_exist() {
    let files = Files::new();
    files.write("t/year=2020/a.csv", "x\n1\n");
    let mut spec = files.spec("t", &[]);
    spec.partition_columns = Some(vec!["yaer".into()]);
    let error = files.resolve(spec).await.unwrap_err();
    assert_eq!(error.sqlstate(), "42P16");
    assert!(error.message.contains("yaer"));
}
