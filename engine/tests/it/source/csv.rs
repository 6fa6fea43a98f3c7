//! CSV: options, types, errors.

use super::*;

#[tokio::test]
async fn types_are_learned() {
    let files = Files::new();
    files.write("t.csv", "i,f,d,ts,b,s,e\n1,1.5,2020-01-02,2020-01-02 03:04:05,true,abc,\n2,2,2021-01-01,2021-01-01 00:00:00,false,\"x,y\",\n");
    let rows = files
        .read(
            "t.csv",
            &[],
            "SELECT i + 1, f, d, ts, b, s, e FROM t ORDER BY i",
        )
        .await;
    assert_eq!(
        rows,
        [
            "2|1.5|2020-01-02|2020-01-02T03:04:05|true|abc|",
            "3|2.0|2021-01-01|2021-01-01T00:00:00|false|x,y|"
        ]
    );
}

#[tokio::test]
async fn tsv_has_tabs() {
    let files = Files::new();
    files.write("t.tsv", "a\tb\n1\tx,y\n");
    assert_eq!(
        files.read("t.tsv", &[], "SELECT a, b FROM t").await,
        ["1|x,y"]
    );
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error() {
    let files = Files::new();
    files.write("t.csv", "a\n1\n2\nx\n");
    let options = [("schema_sample_rows", number(2))];
    files
        .create("t", files.spec("t.csv", &options))
        .await
        .unwrap();
    let error = files.error("SELECT sum(a) FROM t").await;
    assert!(error.message.contains('x'), "{error}");
}
