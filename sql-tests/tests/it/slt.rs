//! Every file of `slt/` over every way.

use quern_sql_tests::{WAYS, files, record, run};

#[test]
fn slt() {
    // The first way decides what is expected, the others have to agree.
    if std::env::var_os("QUERN_RERECORD").is_some() {
        let failures = record(WAYS[0], files());
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
    for way in WAYS {
        let failures = run(*way, files());
        assert!(
            failures.is_empty(),
            "{} of the files fail over {}:\n\n{}",
            failures.len(),
            way.name(),
            failures.join("\n\n")
        );
    }
}
