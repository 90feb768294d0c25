//! Another binary under the same process number.

use crate::driving::{SERVERS, Service, workers_of};

#[test]
fn usr2_becomes_the_new_binary_under_the_same_number() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        for _ in 0..2 {
            let before = workers_of(service.pid());
            service.signal("USR2");
            service.said("Took over 2 workers");
            service.said("Upgraded: 2 workers ready");
            let answered: u32 = service.get("/").parse().unwrap();
            assert!(!before.contains(&answered), "a new worker answers");
        }
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}
