//! Files that are damaged, truncated or something else: errors name them, and nothing panics.

use super::*;
use async_compression::tokio::write::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};
use proptest::prelude::*;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::Runtime;

async fn compressed(kind: &str, text: &str) -> Vec<u8> {
    async fn with<W: AsyncWrite + Unpin>(mut writer: W, text: &str) -> W {
        writer.write_all(text.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
        writer
    }
    match kind {
        "gz" => with(GzipEncoder::new(Vec::new()), text).await.into_inner(),
        "bz2" => with(BzEncoder::new(Vec::new()), text).await.into_inner(),
        "xz" => with(XzEncoder::new(Vec::new()), text).await.into_inner(),
        _ => with(ZstdEncoder::new(Vec::new()), text).await.into_inner(),
    }
}

#[tokio::test]
async fn each_compression_with_several_members() {
    for kind in ["gz", "bz2", "xz", "zst"] {
        let files = Files::new();
        let mut bytes = compressed(kind, "a\tb\n1\tx\n").await;
        bytes.extend(compressed(kind, "2\ty\n").await);
        files.write(&format!("t/1.tsv.{kind}"), bytes);
        files.write("t/2.tsv", "b\ta\nz\t3\n");
        let rows = files.read("t", &[], "SELECT a, b FROM t ORDER BY a").await;
        assert_eq!(rows, ["1|x", "2|y", "3|z"], "{kind}");
        files.write(
            &format!("j.json.{kind}"),
            compressed(kind, "{\"a\": 5}\n").await,
        );
        assert_eq!(
            files
                .read(&format!("j.json.{kind}"), &[], "SELECT a FROM t")
                .await,
            ["5"]
        );
    }
}

#[tokio::test]
async fn truncated_and_misnamed_files() {
    let files = Files::new();
    let text: String = (0..100_000)
        .map(|n| format!("{n},{}\n", n * 7919 % 10_007))
        .collect();
    let gz = compressed("gz", &format!("a,b\n{text}")).await;
    files.write("t.csv.gz", &gz[..gz.len() - 20]);
    let options = [("schema_sample_rows", number(10))];
    files
        .create("t", files.spec("t.csv.gz", &options))
        .await
        .unwrap();
    let error = files.error("SELECT sum(a) FROM t").await;
    assert_eq!(error.sqlstate(), "22P04");
    assert!(
        error.message.contains("t.csv.gz") && error.message.contains("ends before"),
        "{error}"
    );
    files.write("plain.csv.gz", "a,b\n1,2\n");
    let error = files
        .resolve(files.spec("plain.csv.gz", &[]))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), "22P04");
    assert!(
        error.message.contains("plain.csv.gz") && error.hint.is_some(),
        "{error}"
    );
    for name in ["x.avro", "x.arrow", "x.parquet", "x.json"] {
        files.write(name, "this is none of these formats");
        let error = files.resolve(files.spec(name, &[])).await.unwrap_err();
        assert_eq!(error.sqlstate(), "22P04", "{error}");
        assert!(error.message.contains(name), "{error}");
    }
}

#[tokio::test]
async fn empty_files_have_no_rows() {
    let files = Files::new();
    files.write("t/1.csv", "a,b\n1,2\n");
    files.write("t/2.csv", "");
    files.write("t/3.csv", "b\n");
    assert_eq!(files.read("t", &[], "SELECT a, b FROM t").await, ["1|2"]);
    files.write("e.csv", "");
    let error = files.resolve(files.spec("e.csv", &[])).await.unwrap_err();
    assert_eq!(error.sqlstate(), "22P04");
    files.write("e.csv.gz", "");
    assert!(files.resolve(files.spec("e.csv.gz", &[])).await.is_err());
}

#[tokio::test]
async fn a_file_that_vanished() {
    let files = Files::new();
    files.write("t.csv", "a\n1\n");
    files.create("t", files.spec("t.csv", &[])).await.unwrap();
    std::fs::remove_file(files.root().join("t.csv")).unwrap();
    let error = files.error("SELECT a FROM t").await;
    assert_eq!(error.sqlstate(), "58P01");
    assert!(error.message.contains("t.csv"), "{error}");
}

/// Reads whatever it is; only the absence of a panic counts.
async fn attempt(files: &Files, name: &str) {
    let Ok(definition) = files
        .resolve(files.spec(name, &[("format", text(name))]))
        .await
    else {
        return;
    };
    let Ok(table) = definition.open(&files.context.state()).await else {
        return;
    };
    files.context.deregister_table("t").unwrap();
    files.context.register_table("t", table).unwrap();
    let _ = files.batches("SELECT * FROM t").await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let files = Files::new();
        Runtime::new().unwrap().block_on(async {
            for name in ["csv", "json", "avro", "arrow"] {
                files.write(name, &bytes);
                attempt(&files, name).await;
            }
            let mut arrow = super::formats::arrow_of_numbers();
            let at = cut.index(arrow.len());
            arrow[at] ^= flip;
            files.write("arrow", &arrow);
            attempt(&files, "arrow").await;
            files.write("arrow", &arrow[..at]);
            attempt(&files, "arrow").await;
        });
    }

    #[test]
    fn any_text_is_safe(text in "[a1,\"\n\r {}\\[\\]:.\\\\-]{0,80}") {
        let files = Files::new();
        Runtime::new().unwrap().block_on(async {
            for name in ["csv", "json"] {
                files.write(name, &text);
                attempt(&files, name).await;
            }
        });
    }
}
