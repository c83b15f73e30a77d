import HTTPTypes
import NIOCore

/// The files below one root, as ``Files`` was configured to serve them.
final class FileSite: Sendable {
    /// What comes of a request that needs no wait.
    enum Attempt: Sendable {
        case answered(FileAnswer)
        /// The file is open, and its first bytes are on the disk.
        case mustRead(FilePlan)
        case mustOpen
    }

    /// What comes of one after a wait.
    enum Outcome: Sendable {
        case answered(FileAnswer)
        /// A folder was asked for without its slash.
        case folder
        case problem(FileProblem)
    }

    private enum Found {
        case file(ServedFile)
        case folder
        case page(ByteBuffer)
    }

    let configuration: Files.Configuration
    /// What stands in front of the path of a file, without a slash at its end.
    let prefix: [UInt8]
    private let root: HeldDescriptor?
    private let index: [FileName]
    private let fallback: FilePath?
    /// Why the fallback was no file to serve when this was made; `nil` as well when there is no root.
    let fallbackProblem: FileProblem?
    private let types: MediaTypes
    /// By the extension in lower case.
    private let cacheControl: [String: String]
    private let openFiles: OpenFiles

    init(_ root: HeldDescriptor?, _ configuration: Files.Configuration) {
        self.root = root
        self.configuration = configuration
        prefix = Array(configuration.prefix.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.reversed())
        index = configuration.index.compactMap { FileName($0) }
        fallback = configuration.fallback.flatMap { Self.path(ofFallback: $0) }
        fallbackProblem = root.flatMap { [fallback] root in
            fallback.flatMap { Self.problem(of: $0, below: root, configuration) }
        }
        types = MediaTypes(
            adding: Self.inLowerCase(configuration.mediaTypes), otherwise: configuration.defaultMediaType)
        cacheControl = Self.inLowerCase(configuration.cacheControlByExtension)
        openFiles = OpenFiles(limit: configuration.openFiles, lifetime: configuration.openFor)
    }

    /// The names of a file below the root, written with slashes; `nil` for anything else.
    static func path(ofFallback text: String) -> FilePath? {
        let path = Array(("/" + text).utf8)
        guard !text.isEmpty, let names = FilePath(path.span, servingHidden: true), !names.isFolder else { return nil }
        return names
    }

    private static func problem(
        of fallback: FilePath, below root: HeldDescriptor, _ configuration: Files.Configuration
    ) -> FileProblem? {
        var walk = FileWalk(from: root, followingLinks: configuration.symlinks == .withinRoot)
        do throws(FileProblem) {
            guard let name = fallback.names.last else { return .missing }
            let trail = try walk.folder(fallback.names.dropLast())
            guard case .file = try walk.place(name, in: trail) else { return .missing }
            return nil
        } catch {
            return error
        }
    }

    private static func inLowerCase(_ values: [String: String]) -> [String: String] {
        Dictionary(values.map { ($0.lowercased(), $1) }) { first, _ in first }
    }

    // MARK: On the loop

    /// What of a request is needed; `nil` when its path does not begin with the prefix.
    func ask(_ request: borrowing Request, in context: RequestContext) -> FileAsk? {
        let path: [UInt8]? = request.target.withPath { path in
            guard path[0] == UInt8(ascii: "/"), path.count >= prefix.count else { return nil }
            for index in prefix.indices where path[index] != prefix[index] { return nil }
            // Whole segments.
            guard path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/") else { return nil }
            return path.extracting(prefix.count..<path.count).withUnsafeBufferPointer { Array($0) }
        }
        return path.map { FileAsk(request, path: $0, configuration, in: context) }
    }

    /// Answers with a file that is open, as far as that needs no wait.
    func attempt(_ ask: FileAsk) -> Attempt {
        guard let file = openFiles.file(for: ask.key, at: ask.now) else { return .mustOpen }
        guard file.isUnchanged else {
            openFiles.forget(file, for: ask.key)
            return .mustOpen
        }
        let plan = FilePlan(file, for: ask)
        do throws(FileProblem) {
            guard let answer = try FileAnswer(readingAtOnce: plan) else { return .mustRead(plan) }
            return .answered(answer)
        } catch {
            openFiles.forget(file, for: ask.key)
            return .mustOpen
        }
    }

    // MARK: On a thread of the pool

    /// Reads the first bytes of a file that is open.
    func read(_ plan: FilePlan, for ask: FileAsk) -> Outcome {
        do throws(FileProblem) {
            return .answered(try FileAnswer(reading: plan))
        } catch {
            openFiles.forget(plan.file, for: ask.key)
            return open(ask)
        }
    }

    /// Finds the file and reads its first bytes.
    func open(_ ask: FileAsk) -> Outcome {
        // Again when somebody made it shorter just then.
        for isLast in [false, true] {
            do throws(FileProblem) {
                switch try find(ask) {
                case .folder: return .folder
                case .page(let page): return .answered(FileAnswer(page: page, DirectoryListing.headers, for: ask))
                case .file(let file): return .answered(try FileAnswer(reading: FilePlan(file, for: ask)))
                }
            } catch {
                if error != .truncated || isLast { return .problem(error) }
            }
        }
        return .problem(.truncated)
    }

    private func find(_ ask: FileAsk) throws(FileProblem) -> Found {
        guard let root, let path = FilePath(ask.key.path.span, servingHidden: configuration.servesHidden) else {
            throw .missing
        }
        do throws(FileProblem) {
            let found = try find(path, ask, below: root)
            if case .file(let file) = found { openFiles.keep(file, for: ask.key, at: ask.now, ask.time) }
            return found
        } catch {
            // A redirect to a folder would lead in a circle.
            guard error == .missing, let fallback, case .file(let file) = try find(fallback, ask, below: root) else {
                throw error
            }
            return .file(file)
        }
    }

    private func find(_ path: FilePath, _ ask: FileAsk, below root: HeldDescriptor) throws(FileProblem) -> Found {
        var walk = FileWalk(from: root, followingLinks: configuration.symlinks == .withinRoot)
        if path.isFolder { return try front(of: try walk.folder(path.names), ask, walk) }
        // The prefix itself is the root without its slash.
        guard let name = path.names.last else { return .folder }
        let trail = try walk.folder(path.names.dropLast())
        guard case .file(let descriptor, let status) = try walk.place(name, in: trail) else { return .folder }
        return .file(served(descriptor, status, named: name, in: trail, ask, walk))
    }

    /// The index file of a folder, or the list of its names.
    private func front(of trail: [HeldDescriptor], _ ask: FileAsk, _ walk: FileWalk) throws(FileProblem) -> Found {
        for name in index {
            var walk = walk
            do throws(FileProblem) {
                guard case .file(let descriptor, let status) = try walk.place(name, in: trail) else { continue }
                return .file(served(descriptor, status, named: name, in: trail, ask, walk))
            } catch {
                if error != .missing { throw error }
            }
        }
        guard case .html(let limit) = configuration.listing else { throw .missing }
        let listing = try DirectoryListing(
            of: trail, atMost: limit, showingHidden: configuration.servesHidden, walk)
        let path = PercentEncoding.decoded(bytes: ask.key.path.span, plusIsSpace: false)
        return .page(listing.page(path: path, isRoot: trail.count == 1))
    }

    /// The file, or what lies ready beside it in a coding that the client prefers.
    private func served(
        _ descriptor: HeldDescriptor, _ status: FileStatus, named name: FileName, in trail: [HeldDescriptor],
        _ ask: FileAsk, _ walk: FileWalk
    ) -> ServedFile {
        let text = MediaTypes.fileExtension(of: name.bytes.span)
        var kind = FileKind(
            contentType: types.type(ofFileNamed: name.bytes.span),
            hasVariants: !configuration.precompressed.isEmpty,
            hasRanges: configuration.ranges > 0,
            cacheControl: text.flatMap { cacheControl[$0] } ?? configuration.cacheControl
        )
        let now = ask.time.wallClock
        for coding in ask.key.codings {
            var walk = walk
            guard let sibling = name.appending(fileExtension: coding.fileExtension),
                case .file(let descriptor, let status)? = try? walk.place(sibling, in: trail)
            else { continue }
            kind.coding = coding
            return ServedFile(descriptor, status, named: name, as: kind, at: now)
        }
        return ServedFile(descriptor, status, named: name, as: kind, at: now)
    }
}
