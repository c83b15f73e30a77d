import HTTPTypes
import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A page with the names in a folder: folders first, then files, each by its bytes; a link that leads to something that
/// would be served counts as what it leads to. It waits for the disk.
struct DirectoryListing {
    private struct Item {
        let name: FileName
        let isFolder: Bool
        let size: Int
        let modified: HTTPDate
    }

    private var items: [Item] = []
    private var isCut = false

    /// The fields of the page. Nothing may be run or loaded by it, whatever the names are.
    static var headers: Headers {
        [
            .contentType: "text/html; charset=utf-8",
            .cacheControl: "no-store",
            .contentSecurityPolicy: "default-src 'none'",
        ]
    }

    /// Reads at most `limit` names, hidden ones included.
    init(
        of trail: [HeldDescriptor], atMost limit: Int, showingHidden: Bool, _ walk: FileWalk
    ) throws(FileProblem) {
        guard let folder = trail.last else { throw .missing }
        let names = try Self.names(in: folder, atMost: limit)
        isCut = names.count > limit
        for name in names.prefix(limit) where showingHidden || !name.isHidden {
            var walk = walk
            // What vanishes meanwhile, or cannot be served, is left out.
            guard let place = try? walk.place(name, in: trail), let item = try? Self.item(name, place) else { continue }
            items.append(item)
        }
        items.sort { left, right in
            guard left.isFolder == right.isFolder else { return left.isFolder }
            return left.name.bytes.lexicographicallyPrecedes(right.name.bytes)
        }
    }

    /// The page.
    ///
    /// - Parameters:
    ///   - path: the path of the folder, for the title.
    ///   - isRoot: whether there is nothing above it.
    func page(path: String, isRoot: Bool) -> ByteBuffer {
        let title = Self.escaped(path)
        var text = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n<h1>\(title)</h1>\n<table>\n"
        if !isRoot { text += "<tr><td><a href=\"../\">../</a><td><td>\n" }
        for item in items {
            let name = Self.escaped(String(decoding: item.name.bytes.span))
            let slash = item.isFolder ? "/" : ""
            let size = item.isFolder ? "" : "\(item.size)"
            text += "<tr><td><a href=\"./\(Self.encoded(item.name))\(slash)\">\(name)\(slash)</a>"
            text += "<td>\(size)<td>\(item.modified)\n"
        }
        text += "</table>\n"
        if isCut { text += "<p>There is more than is shown here.\n" }
        return ByteBuffer(string: text)
    }

    private static func item(_ name: FileName, _ place: FileWalk.Place) throws(FileProblem) -> Item {
        let (status, isFolder): (FileStatus, Bool) =
            switch place {
            case .folder(let trail): (try Self.status(of: trail), true)
            case .file(_, let status): (status, false)
            }
        let modified = HTTPDate(secondsSince1970: status.modified.seconds)
        return Item(name: name, isFolder: isFolder, size: status.size, modified: modified)
    }

    private static func status(of trail: [HeldDescriptor]) throws(FileProblem) -> FileStatus {
        guard let folder = trail.last else { throw .missing }
        return try FileStatus(of: folder)
    }

    /// The names in a folder, in no order; one more than `limit` when there are more.
    private static func names(in folder: HeldDescriptor, atMost limit: Int) throws(FileProblem) -> [FileName] {
        let descriptor = try folder.openedForListing()
        guard let directory = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw FileProblem(code)
        }
        defer { closedir(directory) }
        var names: [FileName] = []
        while names.count <= limit, let entry = readdir(directory) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if let name = FileName(bytes) { names.append(name) }
        }
        return names
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func encoded(_ name: FileName) -> String {
        var result: [UInt8] = []
        for byte in name.bytes {
            if ByteSet.unreserved.contains(byte) {
                result.append(byte)
            } else {
                PercentEncoding.append(byte, to: &result)
            }
        }
        return String(decoding: result.span)
    }
}
