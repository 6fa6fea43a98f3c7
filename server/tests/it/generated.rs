//! The pages that are made from declarations are current.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use quern_engine::{error, settings};

/// Compares a committed file with what it is made from, or makes it again when asked to.
fn current(path: &str, text: String) {
    // Checkouts may share what is built.
    let built_in = || env!("CARGO_MANIFEST_DIR").to_string();
    let crate_folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| built_in());
    let file = Path::new(&crate_folder).join("..").join(path);
    if std::env::var_os("QUERN_REGENERATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is stale; make it again with:\n\
         QUERN_REGENERATE=1 cargo test --workspace --test it generated"
    );
}

#[test]
fn the_sample_configuration_is_current() {
    current("config/quern.toml", settings::sample_file());
}

#[test]
fn the_page_of_settings_is_current() {
    current("docs/settings.md", settings::reference_page());
}

#[test]
fn the_page_of_errors_is_current() {
    current("docs/errors.md", error::reference_page());
}

/// With every `#` before a name removed, the file sets every setting to its default.
#[test]
fn the_sample_configuration_is_one_that_can_be_used() {
    let text: Vec<String> = settings::sample_file()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_string(),
            _ => line.to_string(),
        })
        // Not to be tried on this machine: it has no value that means the default.
        .filter(|line| !line.ends_with("= \"\""))
        .collect();
    let folder = super::support::temporary();
    let file = folder.path().join("quern.toml");
    std::fs::write(&file, text.join("\n")).unwrap();
    let sql = "SELECT count(*) AS n FROM system.settings WHERE value <> default_value \
               AND name <> 'application_name'";
    let config = file.display().to_string();
    let out = super::support::out(&["--config", &config, "--format", "csv", sql]);
    assert_eq!(out, "n\n0\n");
}
