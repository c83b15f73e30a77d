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
        /// Its line of the page.
        let row: String
    }

    /// The most bytes of the lines of one page, which are in memory twice while it is made.
    static let mostBytes = 4 << 20
    /// The most names of a folder that are looked at, those included that are not shown.
    static let mostNames = 100_000

    private var items: [Item] = []
    private var byteCount = 0
    private var isCut = false

    /// The fields of the page. Nothing may be run or loaded by it, whatever the names are.
    static var headers: Headers {
        [
            .contentType: "text/html; charset=utf-8",
            .cacheControl: "no-store",
            .contentSecurityPolicy: "default-src 'none'",
        ]
    }

    /// Looks at the names in a folder until `limit` are to be shown, and opens none.
    init(
        of trail: [HeldDescriptor], atMost limit: Int, showingHidden: Bool, _ walk: FileWalk
    ) throws(FileProblem) {
        guard let folder = trail.last else { throw .missing }
        var count = 0
        try Self.forEachName(in: folder) { name throws(FileProblem) in
            count += 1
            isCut = count > Self.mostNames
            guard !isCut, showingHidden || !name.isHidden, let item = try Self.item(name, in: trail, walk) else {
                return !isCut
            }
            isCut = items.count == limit || byteCount + item.row.utf8.count > Self.mostBytes
            guard !isCut else { return false }
            byteCount += item.row.utf8.count
            items.append(item)
            return true
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
        let title = path.escapedForHTML
        let head = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n<h1>\(title)</h1>\n<table>\n"
        var page = ByteBuffer()
        page.reserveCapacity(head.utf8.count + byteCount + 128)
        page.writeString(head)
        if !isRoot { page.writeString("<tr><td><a href=\"../\">../</a><td><td>\n") }
        for item in items { page.writeString(item.row) }
        page.writeString("</table>\n")
        if isCut { page.writeString("<p>There is more than is shown here.\n") }
        return page
    }

    /// What is shown of a name; `nil` when it vanishes meanwhile, or would not be served.
    private static func item(
        _ name: FileName, in trail: [HeldDescriptor], _ walk: FileWalk
    ) throws(FileProblem) -> Item? {
        var walk = walk
        let status: FileStatus
        do throws(FileProblem) {
            status = try walk.look(at: name, in: trail)
        } catch {
            guard error == .missing || error == .forbidden else { throw error }
            return nil
        }
        let isFolder = status.kind == .folder
        let text = String(decoding: name.bytes.span).escapedForHTML
        let slash = isFolder ? "/" : ""
        let size = isFolder ? "" : "\(status.size)"
        let modified = HTTPDate(secondsSince1970: status.modified.seconds)
        let link = "<a href=\"./\(encoded(name))\(slash)\">\(text)\(slash)</a>"
        return Item(name: name, isFolder: isFolder, row: "<tr><td>\(link)<td>\(size)<td>\(modified)\n")
    }

    /// The names in a folder, in no order, until `body` says that it is enough.
    private static func forEachName(
        in folder: HeldDescriptor, _ body: (FileName) throws(FileProblem) -> Bool
    ) throws(FileProblem) {
        let descriptor = try folder.openedForListing()
        guard let directory = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw FileProblem(code)
        }
        defer { closedir(directory) }
        while true {
            // The end and a failure look alike but for this.
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw FileProblem(errno) }
                return
            }
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if let name = FileName(bytes), try !body(name) { return }
        }
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
