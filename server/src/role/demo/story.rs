//! What the demo shows, in order: text for people and statements to run.

use std::path::Path;

use quern_engine::sql::quote_literal;

use super::say::in_words;
use super::scale::Scale;

/// The memory limit of the last part.
pub const SMALL_MEMORY: &str = "256MiB";

/// Something that the demo does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Title(&'static str),
    Say(String),
    /// SQL without rows, shown and run.
    Do(String),
    /// SQL with rows.
    Run(String),
    /// SQL that takes time and is followed by what it took.
    Measure(String),
    /// The same, with its columns one below the other.
    MeasureBlocks(String),
}

use Step::{Do, Measure, MeasureBlocks, Run, Say, Title};

/// The parts that run with the memory of the machine.
pub fn with_all_memory(folder: &Path, scale: Scale) -> Vec<Step> {
    [
        tables(folder, scale),
        chunks(),
        shipments(),
        joins(),
        looking_around(),
        models(scale),
    ]
    .concat()
}

fn say(text: &str) -> Step {
    Say(text.to_string())
}

fn run(sql: &str) -> Step {
    Run(sql.to_string())
}

/// The location of one of the demo's folders, as a literal.
fn location(folder: &Path, name: &str) -> String {
    quote_literal(&folder.join(name).display().to_string())
}

fn tables(folder: &Path, scale: Scale) -> Vec<Step> {
    let rows = in_words(scale.shipment_rows());
    vec![
        Title("Files become tables"),
        Say(format!(
            "There are {rows} invented shipments of drugs, with tabs between their columns, in eight \
             files that are compressed with gzip. A table is a name for them. Types are learned from the \
             data, unless you name them."
        )),
        Do(format!(
            "CREATE TABLE shipments_tsv WITH (\n    location = {},\n    dtype = (grams = \
             'DECIMAL(12, 3)'));",
            location(folder, "shipments_tsv")
        )),
        say(
            "The same rows are there as Parquet, in a folder for each year. The folders' names become \
             the column \"year\".",
        ),
        Do(format!(
            "CREATE TABLE shipments WITH (\n    location = {});",
            location(folder, "shipments")
        )),
        say("And there are the tables of the TPC-H benchmark, of which we use six."),
        Do(tpch_tables(folder)),
        run("SHOW TABLES;"),
    ]
}

/// Tables that the TPC-H queries of the demo need.
pub const TPCH_TABLES: &[&str] = &[
    "region", "nation", "supplier", "customer", "orders", "lineitem",
];

fn tpch_tables(folder: &Path) -> String {
    let statements = TPCH_TABLES.iter().map(|name| create_tpch(folder, name));
    statements.collect::<Vec<_>>().join("\n")
}

fn create_tpch(folder: &Path, name: &str) -> String {
    format!(
        "CREATE TABLE {name} WITH (location = {});",
        location(folder, &format!("tpch/{name}"))
    )
}

fn chunks() -> Vec<Step> {
    vec![
        Title("A table is a list of chunks"),
        say(
            "A chunk is what one task reads: row groups of a Parquet file, or a range of a text file. \
             Chunks are read side by side, and only those that a query needs.",
        ),
        run("SHOW CHUNKS FROM lineitem;"),
        run("DESCRIBE shipments_tsv;"),
    ]
}

const BY_COUNTY: &str = "SELECT year, state, county, count(*) AS shipments, sum(grams) AS grams\n\
                         FROM {table}\n\
                         GROUP BY year, state, county\n\
                         ORDER BY grams DESC, year, state, county\n\
                         LIMIT 8;";

fn shipments() -> Vec<Step> {
    vec![
        Title("Group by year, state and county"),
        say(
            "Over compressed text, Quern decompresses and parses as many files at a time as there are \
             threads. What it holds in memory is one line for each county and year.",
        ),
        Measure(BY_COUNTY.replace("{table}", "shipments_tsv")),
        say(
            "The same question over the Parquet files. They hold columns, already typed, so much less \
             is read and nothing is parsed.",
        ),
        Measure(BY_COUNTY.replace("{table}", "shipments")),
        say("For one year, the names of the folders tell which files are not needed."),
        Measure(
            "SELECT drug, buyer, count(*) AS shipments, sum(grams) AS grams\n\
             FROM shipments\n\
             WHERE year = 2012 AND state IN ('WV', 'KY', 'OH')\n\
             GROUP BY drug, buyer\n\
             ORDER BY grams DESC\n\
             LIMIT 5;"
                .to_string(),
        ),
    ]
}

fn joins() -> Vec<Step> {
    vec![
        Title("Aggregates and joins"),
        say("Much of TPC-H's query 1: sums over nearly all rows of the largest table."),
        Measure(
            "SELECT l_returnflag, l_linestatus, sum(l_quantity) AS quantity,\n       \
             sum(l_extendedprice * (1 - l_discount)) AS price,\n       \
             sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS charge,\n       \
             avg(l_quantity) AS avg_quantity, count(*) AS lines\n\
             FROM lineitem\n\
             WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '90' DAY\n\
             GROUP BY l_returnflag, l_linestatus\n\
             ORDER BY l_returnflag, l_linestatus;"
                .to_string(),
        ),
        say("Its query 5 joins six tables."),
        Measure(
            "SELECT n_name AS nation, sum(l_extendedprice * (1 - l_discount)) AS revenue\n\
             FROM customer, orders, lineitem, supplier, nation, region\n\
             WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey AND l_suppkey = s_suppkey\n  \
             AND c_nationkey = s_nationkey AND s_nationkey = n_nationkey\n  \
             AND n_regionkey = r_regionkey AND r_name = 'ASIA'\n  \
             AND o_orderdate >= DATE '1994-01-01' AND o_orderdate < DATE '1995-01-01'\n\
             GROUP BY n_name\n\
             ORDER BY revenue DESC;"
                .to_string(),
        ),
    ]
}

fn looking_around() -> Vec<Step> {
    vec![
        Title("Looking around"),
        say("SUMMARIZE gives figures on every column, in one scan."),
        MeasureBlocks(
            "SUMMARIZE SELECT state, grams FROM shipments WHERE year = 2012;".to_string(),
        ),
        say(
            "TABLESAMPLE reads part of a table: here about a third of its chunks, always the same.",
        ),
        Measure(
            "SELECT count(*) AS rows, round(avg(grams), 3) AS grams\n\
             FROM shipments TABLESAMPLE SYSTEM (30) REPEATABLE (7);"
                .to_string(),
        ),
        say("EXPLAIN shows how a query runs; read it from the bottom."),
        run(
            "EXPLAIN (FORMAT TREE)\nSELECT state, sum(grams) FROM shipments WHERE year = 2012 GROUP BY state;",
        ),
    ]
}

/// Taxi rides, invented from their numbers, with a fare that follows from distance, passengers and rate.
fn taxi(rows: u64) -> String {
    format!(
        "CREATE TABLE taxi AS\n\
         SELECT distance, passengers, rate, 40.6 + spot * 0.1 + i % 101 * 0.0001 AS lat,\n       \
         -73.9 - spot * 0.1 + i % 103 * 0.0001 AS lon,\n       \
         2.5 + 1.8 * distance + 0.3 * passengers + i % 7 * 0.8\n         \
         + CASE rate WHEN 'night' THEN 4 WHEN 'airport' THEN 15 ELSE 0 END AS fare\n\
         FROM (SELECT i, i * 7919 % 200 / 10.0 AS distance, 1 + i % 4 AS passengers,\n             \
         i % 3 AS spot,\n             \
         CASE WHEN i % 11 = 0 THEN 'airport' WHEN i % 5 = 0 THEN 'night' ELSE 'day'\n             \
         END AS rate\n      \
         FROM generate_series(1, {rows}) g(i)) rides;"
    )
}

fn models(scale: Scale) -> Vec<Step> {
    let rows = scale.shipment_rows() / 5;
    vec![
        Title("Models"),
        Say(format!(
            "CREATE MODEL learns from the rows of a query, as scikit-learn would, but chunk by chunk. Here \
             are {} taxi rides. How does the fare follow from the distance? A fifth of the rides is held \
             out, to see how good the model is.",
            in_words(rows)
        )),
        Do(taxi(rows)),
        MeasureBlocks(
            "CREATE MODEL fare WITH (\n    model_class = 'LinearRegression', target_column = 'fare', \
             data_split = 0.2)\nAS (SELECT distance, passengers, rate, fare FROM taxi);"
                .to_string(),
        ),
        run("SELECT feature, category, round(weight, 3) AS weight FROM ml_weights(MODEL fare);"),
        say("PREDICT is a relation like any other. Its column \"target\" is what the model says."),
        Measure(
            "SELECT rate, count(*) AS rides, round(avg(fare), 2) AS fare,\n       \
             round(avg(target), 2) AS said, round(rmse(fare, target), 3) AS rmse\n\
             FROM PREDICT(MODEL fare, SELECT * FROM taxi)\nGROUP BY rate ORDER BY rate;"
                .to_string(),
        ),
        say("Which rate was it? A classifier says, and the confusion matrix shows where it errs."),
        MeasureBlocks(
            "CREATE MODEL rate WITH (\n    model_class = 'LogisticRegression', target_column = 'rate', \
             standardize = true)\nAS (SELECT distance, passengers, fare, rate FROM taxi);"
                .to_string(),
        ),
        run("SELECT * FROM ml_confusion_matrix(MODEL rate, TABLE taxi)\nORDER BY label, predicted_label;"),
        say("Where do rides begin? Three clusters of pickups, without being told."),
        MeasureBlocks(
            "CREATE MODEL pickups WITH (model_class = 'KMeans', n_clusters = 3, random_state = 1)\n\
             AS (SELECT lat, lon FROM taxi);"
                .to_string(),
        ),
        run("SELECT centroid, feature, round(value, 3) AS value FROM ml_centroids(MODEL pickups)\nORDER BY centroid, feature;"),
        say(
            "A search for the best penalty: 4 candidates, 5 folds each, 20 trainings. Quern reads the rows \
             once.",
        ),
        Measure(
            "CREATE EXPERIMENT penalty WITH (\n    model_class = 'Ridge', experiment_class = \
             'GridSearchCV',\n    tune_parameters = (alpha = ARRAY[0.1, 1, 10, 100]), \
             experiment_kwargs = (cv = 5),\n    target_column = 'fare')\n\
             AS (SELECT distance, passengers, fare FROM taxi);"
                .to_string(),
        ),
    ]
}

/// The part that runs with little memory.
pub fn with_little_memory(folder: &Path) -> Vec<Step> {
    vec![
        Title("More than fits in memory"),
        Say(format!(
            "This part runs with a memory limit of {SMALL_MEMORY}. Nearly every row of lineitem makes a \
             group of its own, and the groups outgrow the share of the limit that one operator may hold. \
             Quern writes what does not fit to disk, merges it, and gives the same answer."
        )),
        Do(create_tpch(folder, "lineitem")),
        Measure(
            "SELECT l_orderkey, l_partkey, l_suppkey, count(*) AS lines,\n       \
             sum(l_extendedprice) AS price, max(l_shipdate) AS shipped\n\
             FROM lineitem\n\
             GROUP BY l_orderkey, l_partkey, l_suppkey\n\
             ORDER BY price DESC, l_orderkey\n\
             LIMIT 5;"
                .to_string(),
        ),
    ]
}

/// Commands to go on with.
pub fn what_next(folder: &Path) -> String {
    let path = folder.display();
    let program = std::env::current_exe().map(|exe| exe.display().to_string());
    let commands = [
        format!("quern sql \"SELECT drug, sum(grams) FROM '{path}/shipments/' GROUP BY drug\""),
        format!("quern sql \"SUMMARIZE SELECT * FROM '{path}/tpch/orders/'\""),
        format!(
            "quern sql --memory-limit 100MiB \\\n      \
             \"SELECT * FROM '{path}/tpch/orders/' ORDER BY o_comment LIMIT 3\""
        ),
        "quern sql --help".to_string(),
        format!("quern demo --dir '{path}' --remove"),
    ];
    format!(
        "The data stays in {path}. To go on with it, or to remove it:\n\n  {}\n\n\
         Here quern is {}.",
        commands.join("\n  "),
        program.unwrap_or_else(|_| "this program".to_string())
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_statement_is_sql_and_fits_the_page() {
        let folder = Path::new("/tmp/it's");
        let steps = [
            with_all_memory(folder, Scale::Normal),
            with_little_memory(folder),
        ]
        .concat();
        for step in steps {
            let (Do(sql) | Run(sql) | Measure(sql) | MeasureBlocks(sql)) = step else {
                continue;
            };
            quern_engine::statement::parse(&sql).unwrap();
            assert!(sql.lines().all(|line| line.len() <= 90), "{sql}");
        }
    }
}
