//! Each shipped configuration as its own web server reads it.

use crate::fronts::Front;
use crate::standing::{Setup, Standing};

each_front!(the_configuration_is_read_without_a_word);

fn the_configuration_is_read_without_a_word(front: &Front) {
    let standing = Standing::without_server(front, Setup::default());
    assert_eq!(standing.web_log(), "", "{}", front.name);
}
