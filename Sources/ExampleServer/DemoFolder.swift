#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A folder of the system's temporary ones with a few files to serve, for as long as it is needed.
final class DemoFolder: Sendable {
    let path: String

    private static let files = [
        ("index.html", "<!doctype html><title>Files</title><p>Try <a href=numbers.txt>numbers.txt</a>\n"),
        ("numbers.txt", (0..<20_000).map { "\($0)\n" }.joined()),
    ]

    /// Makes the folder and its files; `nil` when the system does not let it.
    init?() {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/middleware-example-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in Self.files {
            guard let file = fopen("\(path)/\(name)", "w") else { return nil }
            fputs(text, file)
            fclose(file)
        }
    }

    deinit {
        for (name, _) in Self.files { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}
