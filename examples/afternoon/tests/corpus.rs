//! Every pair of the wire corpus, whole and byte by byte, on this adapter.

use rsgi_test::suite::Ground;
use rsgi_test::suite::corpus::{FOLDER, How, all, app, run};

#[test]
fn every_pair_comes_to_what_it_says() {
    let server = Ground::of::<rsgi_afternoon::Server>().serve(app());
    let mut mismatches = Vec::new();
    for pair in all(FOLDER) {
        for how in [How::Whole, How::Bytewise] {
            mismatches.extend(run(&pair, &how, &|| server.client()).err().map(|found| found.to_string()));
        }
    }
    assert!(mismatches.is_empty(), "{} mismatches:\n{}", mismatches.len(), mismatches.join("\n"));
}
