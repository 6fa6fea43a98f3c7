//! Tests of the binary `quern`, run as a process.

mod demo;
