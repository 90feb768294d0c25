//! Which types of content get smaller by a coding: text in its many forms. Pictures, films, archives and most fonts are
//! compressed already, and what has no type may be.

/// Tells whether content of a type is worth a coding; the type is in lower case and without parameters.
pub(super) fn shrinks(kind: &str) -> bool {
    let Some((family, name)) = kind.split_once('/') else { return false };
    match family {
        "text" | "message" | "model" => true,
        "application" => {
            APPLICATIONS.contains(&name)
                || name.ends_with("+json")
                || name.ends_with("+xml")
                || name.ends_with("+text")
        }
        "image" => matches!(name, "bmp" | "svg+xml" | "vnd.microsoft.icon" | "x-icon" | "x-ms-bmp"),
        "font" => matches!(name, "collection" | "otf" | "sfnt" | "ttf"),
        _ => false,
    }
}

const APPLICATIONS: [&str; 18] = [
    "ecmascript",
    "graphql",
    "javascript",
    "json",
    "json-seq",
    "jsonl",
    "manifest+json",
    "rtf",
    "sql",
    "toml",
    "vnd.ms-fontobject",
    "wasm",
    "x-javascript",
    "x-ndjson",
    "x-sh",
    "x-yaml",
    "xml",
    "yaml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shrinks_and_what_is_compressed_already_does_not() {
        for kind in
            ["text/html", "text/event-stream", "application/json", "image/svg+xml", "application/wasm"]
        {
            assert!(shrinks(kind), "{kind}");
        }
        for kind in ["application/problem+json", "application/atom+xml", "font/ttf"] {
            assert!(shrinks(kind), "{kind}");
        }
        for kind in ["", "text", "image/png", "video/mp4", "audio/ogg", "font/woff2", "application/zip"] {
            assert!(!shrinks(kind), "{kind}");
        }
        for kind in
            ["application/octet-stream", "application/grpc", "application/pdf", "multipart/byteranges"]
        {
            assert!(!shrinks(kind), "{kind}");
        }
    }
}
