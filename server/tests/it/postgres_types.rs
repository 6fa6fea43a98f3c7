//! Values on the wire, byte by byte against a real PostgreSQL.
//!
//! Each case is a column: PostgreSQL takes our binary COPY of it and gives it back in binary and in
//! text, which must be the bytes that we write; and what it gives is read back to the same column.
//! PostgreSQL 15 is started for it in a temporary folder; where it is missing, CI fails.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::*;
use arrow::datatypes::*;
use bytes::BytesMut;
use futures::{SinkExt, StreamExt};
use quern_server::postgres::types::copy_in::{CopyDecoder, CopyFormat, CopyOptions};
use quern_server::postgres::types::encode::{
    CopyCsv, CopyText, copy_binary_header, copy_binary_trailer,
};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use tokio_postgres::tls::NoTlsStream;
use quern_server::postgres::types::{Format, RowEncoder, TextStyle, parameter, pg_type_of};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A PostgreSQL of our own, which ends with the test.
struct Oracle {
    server: Child,
    port: u16,
    _folder: TempDir,
}

impl Oracle {
    fn start() -> Option<Self> {
        std::fs::metadata(format!("{PROGRAMS}/postgres")).ok()?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        // PostgreSQL does not run as root.
        let root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
        if root {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
            assert!(Command::new("chown").arg("postgres").arg(&data).status().unwrap().success());
        }
        let command = |program: &str| {
            let program = format!("{PROGRAMS}/{program}");
            let mut command = if root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", &program]);
                command
            } else {
                Command::new(program)
            };
            command.arg("-D").arg(&data).current_dir(&data);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"])
            .status();
        assert!(made.unwrap().success(), "initdb");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port_text = port.to_string();
        let server = command("postgres")
            .args(["-p", &port_text, "-h", "127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
            .spawn()
            .unwrap();
        Some(Self {
            server,
            port,
            _folder: folder,
        })
    }

    async fn connect(
        &self,
    ) -> (tokio_postgres::Client, tokio_postgres::Connection<tokio_postgres::Socket, NoTlsStream>) {
        let address = format!("host=127.0.0.1 port={} user=postgres", self.port);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match tokio_postgres::connect(&address, NoTls).await {
                Ok(connected) => return connected,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Numbers that look random and are the same in each run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Of any size up to 64 bits, as evenly by length as by value.
    fn number(&mut self) -> i64 {
        let shift = self.next() % 64;
        (self.next() as i64) >> shift
    }

    fn below(&mut self, limit: i64) -> i64 {
        self.number().rem_euclid(limit)
    }

    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "a", "B", " ", ",", "\"", "\\", "\n", "\r", "\t", "é", "€", "😀", "{", "}", "(", ")", "NULL",
            "\\N", "\\.", "'", "\u{8}", "\u{b}", "\u{c}", "\u{1}", "0", "x",
        ];
        let count = self.next() % 6;
        (0..count).map(|_| PIECES[(self.next() % PIECES.len() as u64) as usize]).collect()
    }
}

const ROWS: usize = 400;

/// A column of values: the given ones, then random ones, with NULLs between them.
fn fill<T>(given: Vec<T>, mut random: impl FnMut(&mut Seeded) -> T) -> Vec<Option<T>> {
    let mut seeded = Seeded(7);
    let mut values: Vec<Option<T>> = given.into_iter().map(Some).collect();
    while values.len() < ROWS {
        let null = seeded.next().is_multiple_of(9);
        values.push((!null).then(|| random(&mut seeded)));
    }
    values
}

const MIN_INSTANT: i64 = -210_866_803_200_000_000;
const MAX_INSTANT: i64 = 9_223_371_331_199_999_999;

fn cases() -> Vec<(&'static str, ArrayRef)> {
    let mut cases: Vec<(&'static str, ArrayRef)> = Vec::new();
    let mut add = |name, array: ArrayRef| cases.push((name, array));
    numbers(&mut add);
    others(&mut add);
    cases
}

fn numbers(add: &mut impl FnMut(&'static str, ArrayRef)) {
    add("bool", Arc::new(BooleanArray::from(fill(vec![], |s| s.next().is_multiple_of(2)))));
    add("int2", Arc::new(Int16Array::from(fill(vec![i16::MIN, i16::MAX], |s| s.number() as i16))));
    add("int2", Arc::new(Int8Array::from(fill(vec![i8::MIN, i8::MAX], |s| s.number() as i8))));
    add("int2", Arc::new(UInt8Array::from(fill(vec![u8::MAX], |s| s.number() as u8))));
    add("int4", Arc::new(Int32Array::from(fill(vec![i32::MIN, i32::MAX], |s| s.number() as i32))));
    add("int4", Arc::new(UInt16Array::from(fill(vec![u16::MAX], |s| s.number() as u16))));
    add("int8", Arc::new(Int64Array::from(fill(vec![i64::MIN, i64::MAX], Seeded::number))));
    add("int8", Arc::new(UInt32Array::from(fill(vec![u32::MAX], |s| s.number() as u32))));
    add("numeric", Arc::new(UInt64Array::from(fill(vec![u64::MAX, 0, 10000], |s| s.number() as u64))));
    let reals = vec![0.0, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE, f32::NAN, f32::INFINITY, 1e6, 999999.0, 1e-4, 9e-5, 33554450.0, 8388608.0, 1e10, f32::from_bits(1)];
    add("float4", Arc::new(Float32Array::from(fill(reals, |s| match s.next() % 3 {
        // Texts do not tell one NaN from another.
        0 => Some(f32::from_bits(s.next() as u32)).filter(|v| !v.is_nan()).unwrap_or(f32::NAN),
        1 => (s.number() as i32) as f32,
        _ => s.below(1_000_000) as f32 / 100.0,
    }))));
    let doubles = vec![0.0, -0.0, 1.0, f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::NEG_INFINITY, 1e15, 999999999999999.9, 1e-4, 9e-5, 1e23, 9007199254740993.0, 2f64.powi(60), 5e-324, 1e22, 4.5e15];
    add("float8", Arc::new(Float64Array::from(fill(doubles, |s| match s.next() % 3 {
        0 => Some(f64::from_bits(s.next())).filter(|v| !v.is_nan()).unwrap_or(f64::NAN),
        1 => s.number() as f64,
        _ => s.below(1_000_000_000) as f64 / 100.0,
    }))));
    for (name, precision, scale) in [("numeric(38,0)", 38, 0), ("numeric(38,10)", 38, 10), ("numeric(38,37)", 38, 37), ("numeric(30,-3)", 30, -3), ("numeric(20,5)", 20, 5)] {
        let most = 10_i128.pow(precision as u32) - 1;
        let values = fill(vec![0, 1, -1, most, -most, 10_000, 9_999, 100_000_000], |s| {
            let wide = (i128::from(s.number()) << 60 | i128::from(s.next() >> 4)) >> (s.next() % 120);
            wide % most
        });
        add(name, Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap()));
    }
    let long = fill(vec![i256::ZERO, i256::from_string(&"9".repeat(76)).unwrap()], |s| {
        let digits: String = (0..1 + s.next() % 75).map(|_| char::from(b'0' + (s.next() % 10) as u8)).collect();
        i256::from_string(&format!("{}{digits}", if s.next().is_multiple_of(2) { "-" } else { "" })).unwrap()
    });
    add("numeric(76,20)", Arc::new(Decimal256Array::from(long).with_precision_and_scale(76, 20).unwrap()));
    let small = fill(vec![0, 999_999_999], |s| (s.number() % 1_000_000_000) as i32);
    add("numeric(9,2)", Arc::new(Decimal32Array::from(small).with_precision_and_scale(9, 2).unwrap()));
    let small = fill(vec![0], |s| s.number() % 1_000_000_000_000_000_000);
    add("numeric(18,9)", Arc::new(Decimal64Array::from(small).with_precision_and_scale(18, 9).unwrap()));
}

fn others(add: &mut impl FnMut(&'static str, ArrayRef)) {
    let texts = || fill(vec!["".to_owned(), "\\.".to_owned(), "\\N".to_owned()], Seeded::text);
    add("text", Arc::new(StringArray::from(texts())));
    add("text", Arc::new(LargeStringArray::from(texts())));
    add("text", Arc::new(StringViewArray::from_iter(texts())));
    let dictionary: DictionaryArray<Int32Type> = texts().iter().map(|v| v.as_deref()).collect();
    add("text", Arc::new(dictionary));
    let bytes = || fill(vec![vec![], vec![0, 255, 92]], |s| (0..s.next() % 40).map(|_| s.next() as u8).collect::<Vec<u8>>());
    add("bytea", Arc::new(BinaryArray::from_iter(bytes())));
    add("bytea", Arc::new(LargeBinaryArray::from_iter(bytes())));
    add("bytea", Arc::new(BinaryViewArray::from_iter(bytes())));
    let days = vec![0, -1, 10_957, -719_163, -719_162, -2_440_588, 2_145_031_948, i32::MIN, i32::MAX];
    add("date", Arc::new(Date32Array::from(fill(days, |s| (s.number() as i32).rem_euclid(3_000_000) - 1_000_000))));
    add("time", Arc::new(Time64MicrosecondArray::from(fill(vec![0, 86_399_999_999], |s| s.below(86_400_000_000)))));
    add("time", Arc::new(Time32SecondArray::from(fill(vec![0, 86_399], |s| s.below(86_400) as i32))));
    let instants = || fill(vec![0, -1, 1, MIN_INSTANT, MAX_INSTANT, i64::MIN, i64::MAX, -62_135_596_800_000_001], |s| s.number().clamp(MIN_INSTANT, MAX_INSTANT));
    add("timestamp", Arc::new(TimestampMicrosecondArray::from(instants())));
    add("timestamptz", Arc::new(TimestampMicrosecondArray::from(instants()).with_timezone("UTC")));
    add("timestamp", Arc::new(TimestampSecondArray::from(fill(vec![0, -1], |s| s.below(400_000_000_000) - 100_000_000_000))));
    add("timestamp", Arc::new(TimestampMillisecondArray::from(fill(vec![0, -1], |s| s.below(4_000_000_000_000) - 1_000_000_000_000))));
    add("timestamp", Arc::new(TimestampNanosecondArray::from(fill(vec![0, -1000], |s| s.number() / 1000 * 1000))));
    let intervals = fill(vec![IntervalMonthDayNano::new(0, 0, 0), IntervalMonthDayNano::new(-14, 3, -1_000_000_000), IntervalMonthDayNano::new(1, -1, 1000), IntervalMonthDayNano::new(i32::MAX, i32::MIN, i64::MAX / 1000 * 1000)], |s| {
        IntervalMonthDayNano::new(s.number() as i32, s.number() as i32, s.number() / 1000 * 1000)
    });
    add("interval", Arc::new(IntervalMonthDayNanoArray::from(intervals)));
    add("interval", Arc::new(DurationSecondArray::from(fill(vec![0], |s| s.number() % 9_000_000_000_000))));
    add("interval", Arc::new(IntervalYearMonthArray::from(fill(vec![0], |s| s.number() as i32))));
    add("interval", Arc::new(IntervalDayTimeArray::from(fill(vec![], |s| IntervalDayTime::new(s.number() as i32, s.number() as i32)))));
    lists(add);
}

fn lists(add: &mut impl FnMut(&'static str, ArrayRef)) {
    let numbers = fill(vec![vec![], vec![None]], |s| {
        (0..s.next() % 5).map(|_| (!s.next().is_multiple_of(4)).then(|| s.number() as i32)).collect::<Vec<_>>()
    });
    add("int4[]", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(numbers)));
    let mut texts = ListBuilder::new(StringBuilder::new());
    let mut instants = ListBuilder::new(TimestampMicrosecondBuilder::new());
    let mut nested = ListBuilder::new(ListBuilder::new(Int64Builder::new()));
    let mut seeded = Seeded(3);
    for row in 0..ROWS {
        let (outer, inner) = (seeded.next() % 4, 1 + seeded.next() % 3);
        for _ in 0..outer {
            match seeded.next() % 5 {
                0 => texts.values().append_null(),
                1 => texts.values().append_value("null"),
                _ => texts.values().append_value(seeded.text()),
            }
            instants.values().append_value(seeded.number().clamp(MIN_INSTANT, MAX_INSTANT));
            for _ in 0..inner {
                nested.values().values().append_option((!seeded.next().is_multiple_of(4)).then(|| seeded.number()));
            }
            nested.values().append(true);
        }
        texts.append(row % 9 != 0);
        instants.append(true);
        nested.append(true);
    }
    add("text[]", Arc::new(texts.finish()));
    add("timestamp[]", Arc::new(instants.finish()));
    add("int8[]", Arc::new(nested.finish()));
}

async fn copy_out(client: &tokio_postgres::Client, options: &str) -> BytesMut {
    let stream = client.copy_out(&format!("COPY t TO STDOUT ({options})")).await.unwrap();
    let mut stream = std::pin::pin!(stream);
    let mut all = BytesMut::new();
    while let Some(part) = stream.next().await {
        all.extend_from_slice(&part.unwrap());
    }
    all
}

fn binary(encoder: &RowEncoder, batch: &RecordBatch) -> BytesMut {
    let mut out = BytesMut::new();
    let rows = encoder.batch(batch).unwrap();
    copy_binary_header(&mut out);
    (0..batch.num_rows()).for_each(|row| rows.copy_binary_row(row, &mut out).unwrap());
    copy_binary_trailer(&mut out);
    out
}

/// Reads the data in parts of odd sizes.
fn decode(format: CopyFormat, data: &[u8], schema: &SchemaRef) -> RecordBatch {
    let style = TextStyle::default();
    let options = CopyOptions::new(format, "t");
    let mut decoder = CopyDecoder::new(options, Arc::clone(schema), &style).unwrap();
    let mut batches = Vec::new();
    for part in data.chunks(7) {
        batches.extend(decoder.push(part).unwrap());
    }
    batches.extend(decoder.finish().unwrap());
    arrow::compute::concat_batches(schema, &batches).unwrap()
}

fn same(name: &str, what: &str, ours: &[u8], theirs: &[u8]) {
    if ours != theirs {
        let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let part = |bytes: &[u8]| {
            let from = at.saturating_sub(30);
            String::from_utf8_lossy(&bytes[from..bytes.len().min(at + 40)]).into_owned()
        };
        panic!("{name} {what} at {at}: ours {:?}, theirs {:?}", part(ours), part(theirs));
    }
}

async fn check(client: &tokio_postgres::Client, name: &str, array: ArrayRef) {
    let field = Field::new("c", array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
    let style = TextStyle::default();
    let encoder = RowEncoder::new(&schema, &[Format::Text], &style).unwrap();
    client.batch_execute(&format!("DROP TABLE IF EXISTS t; CREATE TEMP TABLE t (c {name})")).await.unwrap();
    let described = client.prepare("SELECT c FROM t").await.unwrap();
    let ours = pg_type_of(schema.field(0), &style);
    assert_eq!(ours.oid, described.columns()[0].type_().oid(), "{name}");
    let data = binary(&encoder, &batch);
    let sink = client.copy_in("COPY t FROM STDIN (FORMAT binary)").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    sink.send(data.clone().freeze()).await.unwrap();
    sink.finish().await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    same(name, "binary", &data, &copy_out(client, "FORMAT binary").await);
    let (mut text, mut csv) = (BytesMut::new(), BytesMut::new());
    let rows = encoder.batch(&batch).unwrap();
    for row in 0..batch.num_rows() {
        rows.copy_text_row(row, &CopyText::default(), &mut text).unwrap();
        rows.copy_csv_row(row, &CopyCsv::default(), &mut csv).unwrap();
    }
    same(name, "text", &text, &copy_out(client, "FORMAT text").await);
    same(name, "csv", &csv, &copy_out(client, "FORMAT csv").await);
    for (format, data) in [(CopyFormat::Binary, &data), (CopyFormat::Text, &text), (CopyFormat::Csv, &csv)] {
        let back = decode(format, data, &schema);
        // NaN is not equal to itself.
        let again = binary(&encoder, &back);
        same(name, "read back", &again, &binary(&encoder, &batch));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_those_of_postgresql() {
    let Some(oracle) = Oracle::start() else {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL 15 is missing");
        return;
    };
    let (client, connection) = oracle.connect().await;
    tokio::spawn(connection);
    client.batch_execute("SET timezone = 'UTC'").await.unwrap();
    let mut failed = Vec::new();
    for (name, array) in cases() {
        let kind = array.data_type().to_string();
        let run = std::panic::AssertUnwindSafe(check(&client, name, array));
        if let Err(panic) = futures::FutureExt::catch_unwind(run).await {
            let message = panic.downcast_ref::<String>().cloned();
            failed.push(format!("{kind}: {}", message.unwrap_or_default()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn hostile_bytes_never_panic() {
    let style = TextStyle::default();
    let mut seeded = Seeded(11);
    let oids = [0, 16, 17, 18, 20, 21, 22, 23, 25, 26, 30, 700, 701, 1007, 1009, 1016, 1082, 1083, 1114, 1115, 1184, 1186, 1700, 1231, 2249, 2950, 3802, 9999];
    const WORDS: &[&str] = &["1", "-", "{", "}", "\"", "\\", ",", "2024", ":", "-01", "T", " ", "e9", ".", "999999999", "P", "day", "infinity", "[", "=", "NaN", "BC", "+", "é", "\\x", "ago", "\n", "\\.", "PGCOPY\n"];
    for round in 0..60_000_u64 {
        let mut bytes = Vec::new();
        for _ in 0..seeded.next() % 12 {
            match seeded.next() % 3 {
                0 => bytes.push(seeded.next() as u8),
                1 => bytes.extend((seeded.next() as u32 % 4).to_be_bytes()),
                _ => bytes.extend(WORDS[seeded.next() as usize % WORDS.len()].bytes()),
            }
        }
        let wanted = [
            DataType::Int32, DataType::Utf8, DataType::Float64, DataType::Decimal128(10, 3), DataType::Date32,
            DataType::Timestamp(TimeUnit::Nanosecond, Some("+01:00".into())), DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Time64(TimeUnit::Nanosecond), DataType::Boolean, DataType::Binary, DataType::FixedSizeBinary(16),
            DataType::new_list(DataType::new_list(DataType::Int32, true), true), DataType::new_list(DataType::Utf8, true),
        ];
        let wanted = &wanted[(round % 13) as usize];
        let oid = oids[seeded.next() as usize % oids.len()];
        let format = if seeded.next().is_multiple_of(2) { Format::Text } else { Format::Binary };
        let _ = parameter(oid, format, Some(&bytes), wanted, &style);
        let fields = vec![Field::new("a", wanted.clone(), true), Field::new("b", DataType::Utf8, true)];
        let kind = [CopyFormat::Text, CopyFormat::Csv, CopyFormat::Binary][(round % 3) as usize];
        let options = CopyOptions::new(kind, "t");
        let mut decoder = CopyDecoder::new(options, Arc::new(Schema::new(fields)), &style).unwrap();
        let mut data = Vec::new();
        if kind == CopyFormat::Binary {
            data.extend(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02");
        }
        data.extend(bytes);
        let pushed = data.chunks(3).all(|part| decoder.push(part).is_ok());
        if pushed {
            let _ = decoder.finish();
        }
    }
}
