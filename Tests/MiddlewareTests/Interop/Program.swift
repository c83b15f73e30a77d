import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A program of this machine that is no part of the project.
struct Program: Sendable {
    /// What a run came to.
    struct Result: Sendable {
        /// The exit code; -1 when a signal ended it.
        var status: Int32
        var output: String
        var errors: String
    }

    struct CannotStart: Error {
        var path: String
        var code: Int32
    }

    let path: String

    /// Programs are looked for where a shell does, and where the system's own services are.
    static func named(_ name: String) -> Program? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in folders + ["/usr/sbin", "/usr/local/sbin"] {
            let path = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return Program(path: path) }
        }
        return nil
    }

    static func isInstalled(_ names: String...) -> Bool { names.allSatisfy { named($0) != nil } }

    /// Runs it to its end. Cancelling the task ends it.
    ///
    /// - Parameter input: a file that it reads; nothing unless given.
    func run(_ arguments: [String], input: URL? = nil) async throws -> Result {
        try await withTemporaryFolder { folder in
            let (output, errors) = (folder.appending(path: "output"), folder.appending(path: "errors"))
            let pid = try start(arguments, input: input, output: output, errors: errors)
            let status = await withTaskCancellationHandler {
                await Self.end(of: pid)
            } onCancel: {
                kill(pid, SIGTERM)
            }
            return Result(
                status: status,
                output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
                errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self)
            )
        }
    }

    /// Starts it, and gives its process, of which the caller awaits the end.
    ///
    /// Not by Foundation's `Process`: that sees the end of a program only once all that it has left behind is gone too.
    func start(_ arguments: [String], input: URL? = nil, output: URL, errors: URL) throws -> pid_t {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        // The thread that starts it may block the very signal that ends it.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let create = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, input?.path() ?? "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output.path(), create, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors.path(), create, 0o600)
        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        Self.keepDescriptors()
        var pid = pid_t()
        let code = posix_spawn(&pid, path, &actions, &attributes, &words, &variables)
        guard code == 0 else { throw CannotStart(path: path, code: code) }
        return pid
    }

    /// Keeps what is open here out of the programs that are started. wrk counts each connection whose descriptor has a
    /// number beyond its table, which is three times the connections, as one that failed.
    private static func keepDescriptors() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        for descriptor in names.compactMap({ Int32($0) }) where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    /// Waits for the end of a process that was started here, and gives its exit code.
    static func end(of pid: pid_t) async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                continuation.resume(returning: status & 0x7F == 0 ? (status >> 8) & 0xFF : -1)
            }
        }
    }
}

/// Runs a test with a folder of its own, which is removed behind it.
func withTemporaryFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let folder = URL(filePath: "/tmp").appending(path: "middleware-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}
