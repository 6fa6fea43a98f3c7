//! Every format from S3; files, folders, patterns, partition folders; what is missing or forbidden.

use arrow::ipc::writer::FileWriter;

use super::{S3, error, options, parquet, parquet_of, rows, table};
use crate::support::{block_on, session};

#[test]
fn every_format_reads() {
    block_on(async {
        let s3 = S3::start().await;
        s3.put("data/t.parquet", parquet());
        s3.put("data/t.csv", "n,name\n1,a\n2,b\n3,c\n");
        s3.put(
            "data/t.json",
            "{\"n\":1,\"name\":\"a\"}\n{\"n\":2,\"name\":\"b\"}\n{\"n\":3,\"name\":\"c\"}\n",
        );
        let mut ipc = FileWriter::try_new(Vec::new(), &table().schema()).unwrap();
        ipc.write(&table()).unwrap();
        s3.put("data/t.arrow", ipc.into_inner().unwrap());
        let session = session();
        let options = s3.options();
        let expected = ["1|a", "2|b", "3|c"];
        for format in ["parquet", "csv", "json", "arrow"] {
            let location = format!("s3://data/t.{format}");
            rows(
                &session,
                &format!("CREATE OR REPLACE TABLE t WITH (location = '{location}', {options})"),
            )
            .await;
            assert_eq!(
                rows(&session, "SELECT n, name FROM t ORDER BY n").await,
                expected,
                "{format}"
            );
            assert_eq!(
                rows(&session, "SELECT DISTINCT location FROM system.chunks").await,
                [location.as_str()]
            );
            let sampled = "SELECT count(*) FROM t TABLESAMPLE BERNOULLI (100)";
            assert_eq!(rows(&session, sampled).await, ["3"]);
            let sampled = "SELECT count(*) FROM t TABLESAMPLE SYSTEM (100)";
            assert_eq!(rows(&session, sampled).await, ["3"]);
            let reader = format!(
                "SELECT sum(n) FROM read_{format}('s3a://data/t.{format}', {})",
                options.replace(" = ", " => ")
            );
            assert_eq!(rows(&session, &reader).await, ["6"]);
        }
        let external = format!(
            "CREATE EXTERNAL TABLE e STORED AS CSV OPTIONS ({}) LOCATION 's3://data/t.csv'; SELECT count(*) FROM e",
            options
                .replace("aws_endpoint =", "'aws.endpoint' ")
                .replace(" = ", " ")
                .replace("'aws.endpoint' ", "aws_endpoint"),
        );
        assert_eq!(rows(&session, &external).await, ["3"]);
    });
}

#[test]
fn settings_reach_a_store() {
    block_on(async {
        let s3 = S3::start().await;
        s3.put("data/t.csv", "n\n1\n");
        let session = session();
        let settings = s3.options().replace(", ", "; SET ");
        rows(&session, &format!("SET {settings}")).await;
        assert_eq!(
            rows(&session, "SELECT n FROM 's3://data/t.csv'").await,
            ["1"]
        );
        rows(
            &session,
            "CREATE TABLE t WITH (location = 's3://data/t.csv')",
        )
        .await;
        assert_eq!(rows(&session, "SELECT n FROM t").await, ["1"]);
        // What a table says itself goes before what the session says.
        let wrong = "CREATE TABLE u WITH (location = 's3://data/t.csv', aws_access_key_id = 'reader', aws_secret_access_key = 'wrong')";
        assert_eq!(error(&session, wrong).await.sqlstate(), "28000");
    });
}

#[test]
fn folders_patterns_and_partitions() {
    block_on(async {
        let s3 = S3::start().await;
        for (key, n) in [
            ("year=2020/month=1/a.csv", 1),
            ("year=2020/month=2/a b%20.csv", 2),
            ("year=2021/month=1/[x].csv", 3),
            ("year=2021/_tmp/broken.csv", 9),
            ("readme.txt", 9),
        ] {
            s3.put(&format!("data/t/{key}"), format!("n\n{n}\n"));
        }
        let session = session();
        let options = s3.options();
        for (location, expected) in [
            ("s3://data/t/", "6|3"),
            ("s3://data/t/year=2020/", "3|2"),
            ("s3://data/t/year=*/month=1/*.csv", "4|2"),
            ("s3://data/t/**/*.csv", "6|3"),
            ("s3://data/t/year=2020/**", "3|2"),
            ("s3://data/**/month=2/*", "2|1"),
            (
                "s3://data/t/{year=2020/month=1,year=2021/month=1}/*.csv",
                "4|2",
            ),
            ("s3://data/t/year=2021/month=1/[x].csv", "3|1"),
            ("s3://data/t/year=2020/month=2/a b%20.csv", "2|1"),
        ] {
            let create = format!(
                "CREATE OR REPLACE TABLE t WITH (location = '{location}', format = 'csv', {options})"
            );
            rows(&session, &create).await;
            let found = rows(&session, "SELECT sum(n), count(*) FROM t").await;
            assert_eq!(found, [expected], "{location}");
        }
        let create =
            format!("CREATE OR REPLACE TABLE t WITH (location = 's3://data/t/', {options})");
        rows(&session, &create).await;
        let found = rows(&session, "SELECT n, year, month FROM t WHERE year = 2021").await;
        assert_eq!(found, ["3|2021|1"]);
        let both = format!(
            "CREATE OR REPLACE TABLE t WITH (location = ARRAY['s3://data/t/year=2020/', 's3://data/t/year=2021/'], {options}); SELECT sum(n) FROM t"
        );
        assert_eq!(rows(&session, &both).await, ["6"]);
        let explained = rows(&session, "EXPLAIN SELECT n FROM t").await.join("\n");
        assert!(explained.contains("s3://data/t/year=2020"), "{explained}");
        assert!(!explained.contains("s3+"), "{explained}");
    });
}

#[test]
fn a_folder_of_many_pages_is_listed_whole() {
    block_on(async {
        let s3 = S3::start().await;
        for n in 0..2_300 {
            s3.put(&format!("data/many/{n}.csv"), "");
        }
        s3.put("data/many/x.csv", "n\n1\n");
        let session = session();
        let options = s3.options();
        let create =
            format!("CREATE TABLE t (n BIGINT) WITH (location = 's3://data/many/', {options})");
        rows(&session, &create).await;
        assert_eq!(
            rows(&session, "SELECT count(*) FROM system.chunks").await,
            ["2301"]
        );
        assert_eq!(rows(&session, "SELECT n FROM t").await, ["1"]);
    });
}

#[test]
fn what_is_missing_or_forbidden_is_told() {
    block_on(async {
        let s3 = S3::start().await;
        s3.put("data/t.csv", "n\n1\n");
        let session = session();
        let options = s3.options();
        let wrong = options.replace("open-sesame", "wrong-secret");
        let nobody = options.replace("reader", "nobody");
        let lost = options.replace("aws_endpoint", "aws_endpiont");
        for (location, options, code, message) in [
            (
                "s3://data/none.csv",
                &options,
                "58P01",
                "s3://data/none.csv",
            ),
            ("s3://data/none/", &options, "58P01", "s3://data/none/"),
            ("s3://data/n*.csv", &options, "58P01", "s3://data/n*.csv"),
            (
                "s3://nowhere/",
                &options,
                "58P01",
                "the bucket of \"s3://nowhere\" does not exist",
            ),
            ("s3://data/t.csv", &wrong, "28000", "s3://data/t.csv"),
            ("s3://data/t.csv", &nobody, "28000", "s3://data/t.csv"),
            ("s3://data/t.csv", &lost, "42704", "aws_endpiont"),
        ] {
            let create =
                format!("CREATE TABLE t WITH (location = '{location}', format = 'csv', {options})");
            let error = error(&session, &create).await;
            assert_eq!(error.sqlstate(), code, "{error:?}");
            assert!(error.message.contains(message), "{error:?}");
            let said = format!("{error:?}");
            assert!(
                !said.contains("sesame") && !said.contains("wrong-secret"),
                "{said}"
            );
        }
        let mixed = format!(
            "CREATE TABLE t WITH (location = ARRAY['s3://data/t.csv', '/tmp/t.csv'], {options})"
        );
        assert_eq!(error(&session, &mixed).await.sqlstate(), "0A000");
    });
}

#[test]
fn two_credentials_for_one_bucket() {
    block_on(async {
        // The same names, sizes and times of change on two servers: nothing may be mixed.
        let one = S3::start().await;
        let other = S3::with_key(Some(("other", "abracadabra"))).await;
        let time =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
        for (s3, n) in [(&one, 1), (&other, 2)] {
            s3.put("data/t.parquet", parquet_of(n));
            let file = std::fs::File::options()
                .write(true)
                .open(s3.path("data/t.parquet"))
                .unwrap();
            file.set_modified(time).unwrap();
        }
        let session = session();
        let others = options(&other.address)
            .replace("reader", "other")
            .replace("open-sesame", "abracadabra");
        rows(
            &session,
            &format!(
                "CREATE TABLE a WITH (location = 's3://data/t.parquet', {})",
                one.options()
            ),
        )
        .await;
        rows(
            &session,
            &format!("CREATE TABLE b WITH (location = 's3://data/t.parquet', {others})"),
        )
        .await;
        for _ in 0..2 {
            assert_eq!(rows(&session, "SELECT n FROM a").await, ["1"]);
            assert_eq!(rows(&session, "SELECT n FROM b").await, ["2"]);
            assert_eq!(rows(&session, "SELECT max(n) FROM a").await, ["1"]);
            assert_eq!(rows(&session, "SELECT max(n) FROM b").await, ["2"]);
            assert_eq!(rows(&session, "SELECT a.n, b.n FROM a, b").await, ["1|2"]);
        }
        let denied = format!(
            "SELECT n FROM read_parquet('s3://data/t.parquet', {})",
            others
                .replace("abracadabra", "hocus-pocus")
                .replace(" = ", " => ")
        );
        assert_eq!(error(&session, &denied).await.sqlstate(), "28000");
        assert_eq!(rows(&session, "SELECT n FROM b").await, ["2"]);
    });
}
