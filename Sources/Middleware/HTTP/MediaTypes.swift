/// The media type of a file by the extension of its name.
///
/// Text comes with `charset=utf-8`. The table holds what websites and downloads are made of; what it lacks is for its
/// user to add.
package struct MediaTypes: Sendable {
    private let added: [String: String]
    private let fallback: String?

    /// - Parameters:
    ///   - added: more types, or other ones, by the extension in lower case without its dot.
    ///   - fallback: the type of everything else.
    package init(adding added: [String: String] = [:], otherwise fallback: String?) {
        self.added = added
        self.fallback = fallback
    }

    /// The type of a file of that name. Case does not matter.
    package func type(ofFileNamed name: Span<UInt8>) -> String? {
        guard let text = Self.fileExtension(of: name) else { return fallback }
        return added[text] ?? Self.known[text] ?? fallback
    }

    /// What stands behind the last dot, in lower case; `nil` when there is none, or nothing in front of it.
    package static func fileExtension(of name: Span<UInt8>) -> String? {
        var dot = name.count - 1
        while dot > 0, name[dot] != UInt8(ascii: ".") { dot -= 1 }
        guard dot > 0, dot < name.count - 1, name.count - dot <= 20 else { return nil }
        return String(decoding: name.extracting((dot + 1)..<name.count)).lowercased()
    }

    package static let known: [String: String] = [
        // Text
        "htm": "text/html; charset=utf-8",
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8",
        "txt": "text/plain; charset=utf-8",
        "text": "text/plain; charset=utf-8",
        "log": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8",
        "csv": "text/csv; charset=utf-8",
        "tsv": "text/tab-separated-values; charset=utf-8",
        "ics": "text/calendar; charset=utf-8",
        "vcf": "text/vcard; charset=utf-8",
        "vtt": "text/vtt; charset=utf-8",
        // Data
        "json": "application/json",
        "map": "application/json",
        "jsonld": "application/ld+json",
        "geojson": "application/geo+json",
        "ndjson": "application/x-ndjson",
        "webmanifest": "application/manifest+json",
        "xml": "application/xml",
        "xsl": "application/xslt+xml",
        "xslt": "application/xslt+xml",
        "xhtml": "application/xhtml+xml",
        "atom": "application/atom+xml",
        "rss": "application/rss+xml",
        "yaml": "application/yaml",
        "yml": "application/yaml",
        "toml": "application/toml",
        "wasm": "application/wasm",
        "sql": "application/sql",
        "parquet": "application/vnd.apache.parquet",
        // Images
        "svg": "image/svg+xml",
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "gif": "image/gif",
        "webp": "image/webp",
        "avif": "image/avif",
        "heic": "image/heic",
        "heif": "image/heif",
        "jxl": "image/jxl",
        "ico": "image/vnd.microsoft.icon",
        "bmp": "image/bmp",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        // Fonts
        "woff": "font/woff",
        "woff2": "font/woff2",
        "ttf": "font/ttf",
        "otf": "font/otf",
        "eot": "application/vnd.ms-fontobject",
        // Sound and film
        "mp3": "audio/mpeg",
        "m4a": "audio/mp4",
        "aac": "audio/aac",
        "oga": "audio/ogg",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "weba": "audio/webm",
        "mid": "audio/midi",
        "midi": "audio/midi",
        "mp4": "video/mp4",
        "m4v": "video/mp4",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "ogv": "video/ogg",
        "mpeg": "video/mpeg",
        "mpg": "video/mpeg",
        "avi": "video/vnd.avi",
        "mkv": "video/matroska",
        "ts": "video/mp2t",
        "m3u8": "application/vnd.apple.mpegurl",
        "mpd": "application/dash+xml",
        // Documents
        "pdf": "application/pdf",
        "rtf": "application/rtf",
        "epub": "application/epub+zip",
        "doc": "application/msword",
        "xls": "application/vnd.ms-excel",
        "ppt": "application/vnd.ms-powerpoint",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation",
        // Archives and programs
        "zip": "application/zip",
        "gz": "application/gzip",
        "tgz": "application/gzip",
        "zst": "application/zstd",
        "bz2": "application/x-bzip2",
        "xz": "application/x-xz",
        "7z": "application/x-7z-compressed",
        "tar": "application/x-tar",
        "jar": "application/java-archive",
        "apk": "application/vnd.android.package-archive",
        "deb": "application/vnd.debian.binary-package",
        "iso": "application/vnd.efi.iso",
    ]
}
