import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A folder of files for a test, all of them modified on the first of June 2024.
struct FileTree: Sendable {
    /// 2024-06-01T00:00:00Z, seven months before the time of a test's clock.
    static let modified = Date(timeIntervalSince1970: 1_717_200_000)

    let folder: URL
    var root: String { path("root") }

    /// Makes a tree for a test; the root is `root`, and beside it lies `secret.txt`.
    static func run<Value>(
        _ files: [String: String] = [:], _ body: (FileTree) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { folder in
            let tree = FileTree(folder: folder)
            try tree.makeFolder("root")
            try tree.write("secret.txt", "SECRET")
            for (name, text) in files { try tree.write("root/\(name)", text) }
            return try await body(tree)
        }
    }

    func path(_ name: String) -> String { folder.path(percentEncoded: false) + "/" + name }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }

    func write(_ name: String, _ text: String, modified: Date = Self.modified) throws {
        try write(name, Data(text.utf8), modified: modified)
    }

    /// Replaces the file by another.
    func write(_ name: String, _ data: Data, modified: Date = Self.modified) throws {
        let path = path(name)
        try makeFolder((name as NSString).deletingLastPathComponent)
        try data.write(to: URL(filePath: path), options: .atomic)
        try date(name, modified)
    }

    func date(_ name: String, _ modified: Date) throws {
        try FileManager.default.setAttributes([.modificationDate: modified], ofItemAtPath: path(name))
    }

    /// Writes into the file as it is.
    func overwrite(_ name: String, _ text: String) throws {
        let file = try FileHandle(forWritingTo: URL(filePath: path(name)))
        try file.write(contentsOf: Data(text.utf8))
        try file.truncate(atOffset: UInt64(text.utf8.count))
        try file.close()
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
    }

    func move(_ name: String, to other: String) throws {
        guard rename(path(name), path(other)) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Takes a lease on a file, as a file server would; it lasts for as long as the handle. `nil` when the system gives
    /// none.
    func lease(_ name: String) -> FileHandle? {
        #if os(Linux)
        guard let file = FileHandle(forUpdatingAtPath: path(name)) else { return nil }
        // `F_SETSIG` with a signal that does nothing, and `F_SETLEASE`.
        guard fcntl(file.fileDescriptor, 10, SIGURG) == 0, fcntl(file.fileDescriptor, 1024, Int32(F_WRLCK)) == 0 else {
            return nil
        }
        return file
        #else
        return nil
        #endif
    }

    func makeFIFO(_ name: String) throws {
        guard mkfifo(path(name), 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// The files of this tree that this process has open.
    var openFiles: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let targets = names.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        return targets.filter { $0.hasPrefix(path("root/")) }
    }
}
