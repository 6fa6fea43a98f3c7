//! Every file of `slt/` over every way.

use quern_sql_tests::{WAYS, files, record, run};

#[test]
fn slt() {
    // The first way decides what is expected, the others have to agree.
    if std::env::var_os("QUERN_RERECORD").is_some() {
        let failures = record(WAYS[0], files());
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
    let mut report = String::new();
    let only = std::env::var("SLT_WAY").unwrap_or_default();
    for way in WAYS.iter().filter(|way| way.name().contains(&only)) {
        let failures = run(*way, files());
        if !failures.is_empty() {
            let (count, name) = (failures.len(), way.name());
            report += &format!("{count} of the files fail over {name}:\n\n");
            report += &failures.join("\n\n");
            report += "\n";
        }
    }
    assert!(report.is_empty(), "{report}");
}
