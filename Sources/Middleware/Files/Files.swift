import HTTPTypes
import Logging
import NIOCore

/// Serves the regular files below one folder.
///
/// ```text
/// GET /                     index.html
/// GET /css/site.css         css/site.css
/// GET /docs                 307 to ./docs/ when it is a folder
/// GET /docs/                docs/index.html, else 404
/// GET /.env                 404, like everything that is hidden, apart from .well-known
/// ```
///
/// GET and HEAD are answered, with a type by the extension, `ETag` and `Last-Modified`; others get 405. Preconditions,
/// ranges and several ranges at a time hold as in RFC 9110 sections 13 and 14. Of a file, whatever its size, 128 KiB are in
/// memory for each answer; a list of names is made and held whole (``Listing/html(atMost:)``).
///
/// No path leads out of the root. The root is opened once, when this is made, and a path is walked from there one
/// decoded segment at a time, each opened in the folder before it. A segment that is empty, is a dot segment, or holds
/// `/`, `\` or NUL once it is decoded is not found (404). Links are not followed unless ``Configuration/symlinks`` says
/// so, and never out of the root. What is no regular file, such as a FIFO, is not found and not waited for. A root that
/// is renamed is still served; one that is replaced by another folder is served only by a new `Files`.
///
/// A file that is replaced by renaming another onto it, which is how files should be replaced, is seen whole in its old
/// or in its new state. One that is written to in place can be sent half old and half new, as by any file server, and
/// breaks off if it becomes shorter than was announced.
///
/// No event loop waits for a disk: what is in memory is read on the loop, everything else by a thread of NIO's shared
/// pool. Files stay open for a second (``Configuration/openFor``) so that the next request needs no walk; that one was
/// written to, deleted or replaced is seen at once all the same, and that a folder above it was, a second later.
///
/// It does not compress; see ``Configuration/precompressed``. It takes no uploads.
///
/// ## Placement
/// At the end of a pipeline or of a route. Inside of security headers, which ought to forbid browsers to guess types.
///
/// ## Example
/// ```swift
/// Files(root: "/srv/www")
/// ```
/// Customised, for an application of one page whose parts are built with their hash in the name:
/// ```swift
/// var configuration = Files.Configuration()
/// configuration.fallback = "index.html"
/// configuration.precompressed = [.brotli, .gzip]
/// configuration.cacheControl = "no-cache"
/// configuration.cacheControlByExtension = ["js": "max-age=31536000, immutable"]
/// Files(root: "/srv/app", configuration)
/// ```
public struct Files: Handler {
    /// What becomes of a path that leads over a symbolic link.
    public enum Symlinks: Sendable, Hashable {
        /// It is not found.
        case refused
        /// The link is followed, up to 40 of them, for as long as it stays below the root; an absolute link is not
        /// found, wherever it leads. The rule for hidden names holds for the path and not for what links lead to.
        case withinRoot
    }

    /// What a folder without an index file answers with.
    public enum Listing: Sendable, Hashable {
        /// 404.
        case off
        /// A page with its names, at most so many, 10000 at the most, and no more than fill 4 MiB; it says so when there
        /// are more. Of 100000 names in a folder the others are not looked at. The page is made anew for every request,
        /// HEAD included, and held whole until it is sent. What would not be served is left out, and `.well-known` as
        /// well unless ``Configuration/servesHidden`` is set. For other people's eyes only if all of them may know all
        /// names.
        case html(atMost: Int)
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// What is taken off the front of the path, such as `/static`; other paths are not found. Whole segments:
        /// `/static` is no beginning of `/statics`. Nothing unless set.
        public var prefix = ""
        /// The files that stand for a folder; the first that there is. `index.html` unless set.
        public var index = ["index.html"]
        /// The file, by its path below the root, that answers with 200 for what is not found, for applications of one
        /// page. None unless set. A path that is refused (hidden, malformed) is not found all the same; one that looks
        /// like a file (`/assets/old.js`) is answered as well. It is a file when this is made, or a problem of the
        /// composition; when it is gone later, its answer is 404.
        public var fallback: String?
        /// Whether folders without an index file show what is in them. Off unless set.
        public var listing = Listing.off
        /// What becomes of symbolic links. Refused unless set.
        public var symlinks = Symlinks.refused
        /// Whether names that begin with a dot are served. `false` unless set; `.well-known` always is (RFC 8615).
        public var servesHidden = false
        /// The codings in which files can lie ready beside themselves: `app.js.br` is sent for `app.js` to a client that
        /// prefers `br`, and of equal weights the first here. None unless set. A client that refuses the file as it is
        /// (`identity;q=0`) gets it as it is when nothing else is there. Nobody checks that what lies beside a file is
        /// made of it.
        public var precompressed: [Coding] = []
        /// Media types by the extension in any case, in addition to or in place of the known ones.
        public var mediaTypes: [String: String] = [:]
        /// The media type of everything else. `application/octet-stream` unless set; `nil` sends none.
        public var defaultMediaType: String? = "application/octet-stream"
        /// `Cache-Control` of files. None unless set, which leaves caches to guess.
        public var cacheControl: String?
        /// `Cache-Control` by the extension in any case, in place of ``cacheControl``.
        public var cacheControlByExtension: [String: String] = [:]
        /// The most ranges of one request; with more, it gets the whole. 16 unless set; zero serves no ranges at all.
        public var ranges = 16
        /// The most files that stay open for the next request, for all loops together. 256 unless set; zero opens
        /// files anew for every request.
        public var openFiles = 256
        /// How long they do. A second unless set. For so long an answer can miss what the file itself does not show:
        /// that a folder above was renamed or closed to others, that a link on the way leads elsewhere, that a compressed
        /// sibling or an index file that goes first has come. A deleted file holds its space for up to twice as long.
        public var openFor = Duration.seconds(1)

        public init() {}
    }

    private let site: FileSite
    private let rootProblem: String?

    /// Opens the root. One that cannot be read, and other bad values, are reported by the ``blueprint``.
    ///
    /// - Parameter root: the path of a folder; a relative one is relative to the working directory now.
    public init(root: String, _ configuration: Configuration = Configuration()) {
        var descriptor: HeldDescriptor?
        var problem: String?
        do throws(FileProblem) {
            descriptor = try HeldDescriptor(root: root)
        } catch {
            let reason = error == .missing ? "is no folder" : "cannot be read (\(error))"
            problem = "has the root \(root.isEmpty ? "\"\"" : root), which \(reason)"
        }
        site = FileSite(descriptor, configuration)
        rootProblem = problem
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("Files")
        blueprint.preview = { .init(isRead: $0.method == .get || $0.method == .head) }
        blueprint.require(
            rootProblem == nil, rootProblem ?? "", mend: "name a folder that there is, and let this process read it")
        site.configuration.report(to: &blueprint)
        if let problem = site.fallbackProblem {
            let reason = problem == .missing ? "is no file below the root" : "cannot be read (\(problem))"
            blueprint.require(
                false, "falls back to \(site.configuration.fallback ?? ""), which \(reason)",
                mend: "name a file that there is, and let this process read it")
        }
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        guard request.method.matches(.get) || request.method.matches(.head) else {
            return Response(HTTPError(.methodNotAllowed, headers: [.allow: "GET, HEAD"]))
        }
        guard let ask = site.ask(request, in: context) else { return Response(.notFound, problem: nil) }
        let work: @Sendable () -> FileSite.Outcome
        switch site.attempt(ask) {
        case .answered(let answer): return answer.response(in: context)
        case .mustOpen: work = { [site] in site.open(ask) }
        case .mustRead(let plan): work = { [site] in site.read(plan, for: ask) }
        }
        let outcome = try await DiskWork().value(in: (context.worker, context.cancellation), work)
        switch outcome {
        case .answered(let answer): return answer.response(in: context)
        case .folder: return Self.redirect(request.target)
        case .problem(let problem): return Self.answer(to: problem, of: ask, context)
        }
    }
}

extension Files {
    private static func answer(to problem: FileProblem, of ask: FileAsk, _ context: RequestContext) -> Response {
        switch problem {
        case .missing:
            return Response(.notFound, problem: nil)
        case .forbidden:
            return Response(.forbidden, problem: nil)
        case .busy:
            // Many at once, when it comes to that; the server says once that descriptors are out.
            context.logger.debug(
                "a file could not be opened", metadata: ["path": "\(ask.shownPath)", "error": "\(problem)"])
            return Response(HTTPError(.serviceUnavailable, headers: [.retryAfter: "1"]))
        case .truncated, .failed:
            context.logger.error(
                "a file could not be read", metadata: ["path": "\(ask.shownPath)", "error": "\(problem)"])
            return Response(.internalServerError, problem: nil)
        }
    }

    /// To the same with a slash behind it, as a reference relative to the last segment (RFC 3986 section 4.2): it holds
    /// as well where a proxy further out, or a rewrite, has changed what stands in front. `./` keeps a colon in the
    /// segment from making it a scheme, and no such reference can name a host.
    ///
    /// 307, because browsers remember a permanent one even when the folder has become a file.
    private static func redirect(_ target: RequestTarget) -> Response {
        let segment = target.withPath { path in
            var start = path.count
            while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
            return String(decoding: path.extracting(start..<path.count))
        }
        let query = target.query.map { "?\($0)" } ?? ""
        return Response(.temporaryRedirect, headers: [.location: "./\(segment)/\(query)"])
    }
}

extension Blueprint.Preview {
    /// Which file there is shows on the disk alone.
    fileprivate init(isRead: Bool) { self = isRead ? .unknown : .answers(.methodNotAllowed) }
}
