//! The `quern` binary; all of it is in the library, so that tests can serve in their own process.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quern_server::run()
}
