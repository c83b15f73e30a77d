#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A small file of text that is read when a composition is made. It blocks, and is never read for a request.
struct PageFile {
    /// The most bytes of a page.
    static let limit = 1 << 20

    /// The text, or what keeps it from being read.
    let content: Result<String, PageProblem>

    init(_ path: String) {
        do throws(PageProblem) {
            content = .success(try Self.text(of: path))
        } catch {
            content = .failure(error)
        }
    }

    private static func text(of path: String) throws(PageProblem) -> String {
        // Without waiting, so that a pipe that nobody writes to does not hold up the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw PageProblem(reason: "is to be read from \(path), which is no file")
        }
        guard status.st_size <= limit else {
            throw PageProblem(reason: "is to be read from \(path), which is longer than a mebibyte")
        }
        // One more than it has: it may grow meanwhile.
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count <= limit {
            let part = bytes.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { read(descriptor, $0 + count, buffer.count - count) } ?? 0
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw failure(path) }
            if part == 0 { break }
            count += part
        }
        guard count <= limit, let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw PageProblem(reason: "is to be read from \(path), which is no text in UTF-8 of a mebibyte at most")
        }
        return text
    }

    private static func failure(_ path: String) -> PageProblem {
        PageProblem(reason: "is to be read from \(path), which is not possible: \(String(cString: strerror(errno)))")
    }
}
