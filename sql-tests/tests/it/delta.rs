//! Delta tables of other writers: read from any folder; with deletion vectors and column mapping,
//! which Quern does not write, so that their log entries and files are made here by the format's
//! specification: <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>.

use std::path::{Path, PathBuf};

use quern_engine::{Engine, Session, SessionOptions, Settings};
use serde_json::{Value, json};

use crate::stores::{S3, error, rows};
use crate::support::{block_on, session};

/// A folder with a Delta table, made by Quern, and who made it.
struct Made {
    writer: Session,
    _data: tempfile::TempDir,
    folder: PathBuf,
}

async fn made(create: &str) -> Made {
    let data = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    let data_dir = data.path().to_str().unwrap();
    settings.set_at_start("quern.data_dir", data_dir).unwrap();
    let engine = Engine::open(settings).unwrap();
    let writer = engine.session(SessionOptions::local());
    rows(&writer, create).await;
    let place = rows(
        &writer,
        "SELECT location FROM system.tables WHERE table_name = 't'",
    )
    .await;
    Made {
        writer,
        _data: data,
        folder: PathBuf::from(&place[0]),
    }
}

impl Made {
    fn shown(&self) -> String {
        self.folder.display().to_string()
    }

    /// The first action of that name in an entry of the log.
    fn action(&self, version: u64, name: &str) -> Value {
        let entry = self.folder.join(format!("_delta_log/{version:020}.json"));
        let text = std::fs::read_to_string(entry).unwrap();
        let lines = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap());
        lines
            .map(|mut line| line[name].take())
            .find(|a| !a.is_null())
            .unwrap()
    }

    fn commit(&self, version: u64, actions: &[Value]) {
        let entry = self.folder.join(format!("_delta_log/{version:020}.json"));
        let lines: Vec<_> = actions.iter().map(Value::to_string).collect();
        std::fs::write(entry, lines.join("\n") + "\n").unwrap();
    }

    /// Takes rows of the one file of a version out, as another writer does.
    fn remove_rows(&self, version: u64, vector: Value) {
        let add = self.action(version, "add");
        let features = ["deletionVectors"];
        let protocol = json!({"minReaderVersion": 3, "minWriterVersion": 7,
            "readerFeatures": features, "writerFeatures": features});
        let remove = json!({"path": add["path"], "deletionTimestamp": 1_700_000_000_000_i64,
            "dataChange": true});
        let mut with_vector = add.clone();
        with_vector["deletionVector"] = vector;
        self.commit(
            version + 1,
            &[
                json!({"protocol": protocol}),
                json!({"remove": remove}),
                json!({"add": with_vector}),
            ],
        );
    }
}

/// Row numbers as a deletion vector stores them: a 64-bit Roaring bitmap with one container.
fn bitmap(rows: &[u16]) -> Vec<u8> {
    let mut bytes = 1_681_511_377_u32.to_le_bytes().to_vec();
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(12_346_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(u16::try_from(rows.len() - 1).unwrap().to_le_bytes());
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    bytes
}

/// The notation of binary data in the log; the length is a multiple of four.
fn z85(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut text = String::new();
    for four in bytes.chunks_exact(4) {
        let number = u32::from_be_bytes(four.try_into().unwrap());
        for power in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
            let digit = usize::try_from(number / power % 85).unwrap();
            text.push(char::from(DIGITS[digit]));
        }
    }
    text
}

fn inline_vector(rows: &[u16]) -> Value {
    let bytes = bitmap(rows);
    json!({"storageType": "i", "pathOrInlineDv": z85(&bytes), "sizeInBytes": bytes.len(),
        "cardinality": rows.len()})
}

/// A vector in a file of its own.
fn vector_in_file(folder: &Path, rows: &[u16]) -> Value {
    let bytes = bitmap(rows);
    let id: [u8; 16] = std::array::from_fn(|at| u8::try_from(at * 16 + 1).unwrap());
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!(
        "deletion_vector_{}-{}-{}-{}-{}.bin",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    );
    let mut file = vec![1];
    file.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    file.extend(&bytes);
    file.extend(crc32(&bytes).to_be_bytes());
    std::fs::write(folder.join(name), file).unwrap();
    json!({"storageType": "u", "pathOrInlineDv": z85(&id), "offset": 1,
        "sizeInBytes": bytes.len(), "cardinality": rows.len()})
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

const TABLE: &str = "CREATE TABLE t AS SELECT i AS id, 'n' || i AS name, i / 4.0::float8 AS x \
                     FROM generate_series(0, 9) s(i)";

#[test]
fn delta_folders_are_external_tables() {
    block_on(async {
        let made = made(TABLE).await;
        let (folder, reader) = (made.shown(), session());
        let sums = ["10|45|n9"];
        let count = |from: &str| format!("SELECT count(*), sum(id), max(name) FROM {from}");
        assert_eq!(rows(&reader, &count(&format!("'{folder}'"))).await, sums);
        assert_eq!(
            rows(&reader, &count(&format!("read_delta('{folder}')"))).await,
            sums
        );
        for create in [
            format!("CREATE TABLE a WITH (location = '{folder}', format = 'delta')"),
            format!("CREATE TABLE b WITH (location = '{folder}')"),
            format!("CREATE EXTERNAL TABLE c STORED AS delta LOCATION '{folder}'"),
            format!("CREATE EXTERNAL TABLE d LOCATION '{folder}'"),
        ] {
            rows(&reader, &create).await;
        }
        // Later versions are seen, and earlier ones can be read.
        rows(&made.writer, "DELETE FROM t WHERE id = 9").await;
        rows(&made.writer, "ALTER TABLE t ADD COLUMN more int").await;
        for name in ["a", "b", "c", "d"] {
            assert_eq!(rows(&reader, &count(name)).await, ["9|36|n8"], "{name}");
            let before = count(&format!("{name} VERSION AS OF 0"));
            assert_eq!(rows(&reader, &before).await, sums, "{name}");
        }
        let before = count(&format!("'{folder}' VERSION AS OF 0"));
        assert_eq!(rows(&reader, &before).await, sums);
        let columns =
            "SELECT column_name FROM system.columns WHERE table_name = 'a' ORDER BY position";
        assert_eq!(rows(&reader, columns).await, ["id", "name", "x", "more"]);
        let kind = "SELECT table_type, format, location FROM system.tables WHERE table_name = 'a'";
        assert_eq!(
            rows(&reader, kind).await,
            [format!("external|delta|{folder}")]
        );
        let created = rows(&reader, "SHOW CREATE TABLE b").await.join("\n");
        let created = created.replace("\\n", "\n");
        assert!(created.contains("format = 'delta'"), "{created}");
        rows(
            &reader,
            &created.replace(".b ", ".e ").replace("TABLE b", "TABLE e"),
        )
        .await;
        assert_eq!(rows(&reader, &count("e")).await, ["9|36|n8"]);
        // The log's bounds leave files out.
        rows(&made.writer, "INSERT INTO t VALUES (1000, 'late', 1, 1)").await;
        let plan = rows(&reader, "EXPLAIN SELECT name FROM a WHERE id > 500")
            .await
            .join("\n");
        assert_eq!(plan.matches(".parquet").count(), 1, "{plan}");
        for (sql, code) in [
            ("INSERT INTO a VALUES (1, 'a', 1, 1)", "42809"),
            ("DELETE FROM a", "42809"),
            ("SELECT * FROM read_delta('/no/such/folder')", "58P01"),
            ("SELECT * FROM a VERSION AS OF 99", "42704"),
            (
                "CREATE TABLE z (q int) WITH (location = '/tmp', format = 'delta')",
                "0A000",
            ),
        ] {
            let e = error(&reader, sql).await;
            assert_eq!(e.sqlstate(), code, "{sql}: {e:?}");
        }
    });
}

#[test]
fn rows_that_deletion_vectors_take_out_are_not_read() {
    block_on(async {
        let made = made(TABLE).await;
        let (folder, reader) = (made.shown(), session());
        made.remove_rows(0, inline_vector(&[0, 3, 8, 9]));
        let sums = "count(*), sum(id), max(name), max(x)";
        let inline = ["6|25|n7|1.75"];
        let from_folder = format!("SELECT {sums} FROM '{folder}'");
        assert_eq!(rows(&reader, &from_folder).await, inline);
        assert_eq!(
            rows(&made.writer, &format!("SELECT {sums} FROM t")).await,
            inline
        );
        let by = |condition: &str| format!("SELECT id FROM t WHERE {condition} ORDER BY id");
        assert_eq!(rows(&made.writer, &by("id > 5")).await, ["6", "7"]);
        assert_eq!(rows(&made.writer, &by("x >= 1.5")).await, ["6", "7"]);
        assert_eq!(
            rows(&made.writer, &by("name = 'n3' OR id = 1")).await,
            ["1"]
        );
        assert_eq!(rows(&made.writer, "SELECT count(*) FROM t").await, ["6"]);
        assert_eq!(
            rows(&made.writer, "SELECT name FROM t ORDER BY id LIMIT 2").await,
            ["n1", "n2"]
        );
        let known = "SELECT rows FROM system.tables WHERE table_name = 't'";
        assert_eq!(rows(&made.writer, known).await, ["6"]);
        assert_eq!(
            rows(&made.writer, "SELECT count(*) FROM t VERSION AS OF 0").await,
            ["10"]
        );
        for sql in [
            "UPDATE t SET x = 0",
            "DELETE FROM t WHERE id = 1",
            "OPTIMIZE t CLUSTERED BY (id)",
            "SELECT * FROM t TABLESAMPLE SYSTEM (50)",
        ] {
            assert_eq!(error(&made.writer, sql).await.sqlstate(), "0A000", "{sql}");
        }
        assert_eq!(rows(&made.writer, "SELECT count(*) FROM t").await, ["6"]);
    });
}

#[test]
fn vectors_in_files_are_read_on_disk_and_in_a_store() {
    block_on(async {
        let made = made(TABLE).await;
        made.remove_rows(0, vector_in_file(&made.folder, &[1, 2]));
        let count = |from: &str| format!("SELECT count(*), sum(id) FROM '{from}'");
        assert_eq!(rows(&session(), &count(&made.shown())).await, ["8|42"]);
        let s3 = S3::start().await;
        for (bucket, folder) in [("one", "plain"), ("one", "other")] {
            copy(&made.folder, &s3.path(bucket).join(folder));
        }
        // The second one is a table of its own, with another vector.
        let entry = "_delta_log/00000000000000000001.json";
        std::fs::remove_file(s3.path("one").join("other").join(entry)).unwrap();
        let reader = session();
        for (name, place) in [("a", "plain"), ("b", "other")] {
            let options = s3.options();
            let create =
                format!("CREATE TABLE {name} WITH (location = 's3://one/{place}', {options})");
            rows(&reader, &create).await;
        }
        let both = "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)";
        assert_eq!(rows(&reader, both).await, ["8|10"]);
        assert_eq!(
            rows(&reader, "SELECT count(*) FROM a VERSION AS OF 0").await,
            ["10"]
        );
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Columns that have other names in the files than in the table.
#[test]
fn mapped_columns_are_read_by_their_names_in_the_files() {
    block_on(async {
        let made = made("CREATE TABLE t (id int, name text, p text) PARTITIONED BY (p)").await;
        rows(
            &made.writer,
            "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, NULL, NULL)",
        )
        .await;
        let mut metadata = made.action(0, "metaData");
        let text = metadata["schemaString"].as_str().unwrap();
        let mut schema: Value = serde_json::from_str(text).unwrap();
        for (at, field) in schema["fields"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .enumerate()
        {
            field["metadata"] = json!({"delta.columnMapping.id": at + 1,
                "delta.columnMapping.physicalName": field["name"]});
        }
        for (at, name) in ["name", "id", "part"].iter().enumerate() {
            schema["fields"][at]["name"] = json!(name);
        }
        metadata["schemaString"] = json!(schema.to_string());
        metadata["partitionColumns"] = json!(["part"]);
        metadata["configuration"] =
            json!({"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "3"});
        let protocol = json!({"minReaderVersion": 2, "minWriterVersion": 5});
        made.commit(
            2,
            &[json!({"protocol": protocol}), json!({"metaData": metadata})],
        );
        let all = "SELECT name, id, part FROM t ORDER BY name";
        let expected = ["1|a|x", "2|b|y", "3|NULL|NULL"];
        assert_eq!(rows(&made.writer, all).await, expected);
        let from_folder = format!("SELECT name, id, part FROM '{}' ORDER BY 1", made.shown());
        assert_eq!(rows(&session(), &from_folder).await, expected);
        let filtered = "SELECT name FROM t WHERE part = 'y' AND id >= 'b'";
        assert_eq!(rows(&made.writer, filtered).await, ["2"]);
        assert_eq!(
            rows(&made.writer, "SELECT count(*), count(part) FROM t").await,
            ["3|2"]
        );
        for sql in [
            "INSERT INTO t VALUES (4, 'd', 'x')",
            "UPDATE t SET id = 'z'",
            "ALTER TABLE t ADD COLUMN more int",
        ] {
            assert_eq!(error(&made.writer, sql).await.sqlstate(), "0A000", "{sql}");
        }
        assert_eq!(rows(&made.writer, all).await, expected);
    });
}
