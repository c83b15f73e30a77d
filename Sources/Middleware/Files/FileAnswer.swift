import HTTPTypes
import NIOCore

/// How a file is to be answered with, before any of it was read: status, fields and the pieces of the body.
struct FilePlan: Sendable {
    let file: ServedFile
    private(set) var status = HTTPResponse.Status.ok
    private(set) var headers: Headers
    private(set) var pieces: [FilePiece] = []

    /// RFC 9110 section 13.2.2: preconditions first, then the range.
    init(_ file: ServedFile, for ask: FileAsk) {
        self.file = file
        headers = file.headers
        let preconditions = Preconditions(of: ask.headers)
        if let preconditions {
            let method = ask.isHead ? HTTPRequest.Method.head : .get
            switch preconditions.verdict(for: method, on: file.validators, now: HTTPDate(ask.time.wallClock)) {
            case .proceed: break
            case .notModified:
                status = .notModified
                headers = file.headersOfNotModified
                return
            case .failed:
                status = .preconditionFailed
                headers = Headers()
                return
            }
        }
        let size = file.status.size
        guard !ask.isHead else {
            headers.append(.contentLength, "\(size)")
            return
        }
        if let ranges = ask.ranges {
            let isAdmitted =
                preconditions?.admitsRange(of: file.validators, now: HTTPDate(ask.time.wallClock)) ?? true
            if isAdmitted { select(ranges.selection(of: size), boundary: ask.boundary) }
        }
        if status == .ok, size > 0 { pieces = [.file(0..<size)] }
    }

    private mutating func select(_ selection: ByteRanges.Selection, boundary: String) {
        let size = file.status.size
        switch selection {
        case .whole: break
        case .unsatisfiable:
            // RFC 9110 section 15.5.17.
            status = .rangeNotSatisfiable
            headers = [.contentRange: ByteRanges.contentRange(ofNothingOf: size)]
        case .ranges(let ranges):
            status = .partialContent
            // RFC 9110 section 15.3.7.2: several parts only for what was more than one range.
            guard ranges.count > 1 else {
                headers.append(.contentRange, ByteRanges.contentRange(ranges[0], of: size))
                pieces = [.file(ranges[0])]
                return
            }
            // Nobody could decode the parts of what was coded as a whole.
            guard !file.isCoded else {
                status = .ok
                return
            }
            let parts = MultipartByteRanges(ranges, of: size, contentType: file.contentType, boundary: boundary)
            headers[.contentType] = parts.contentType
            pieces = parts.parts.flatMap { [.bytes($0.head), .file($0.range)] } + [.bytes(parts.end)]
        }
    }
}

/// An answer that can come from a thread of the pool.
struct FileAnswer: Sendable {
    private enum Content: Sendable {
        case none
        case bytes(ByteBuffer)
        /// More than a chunk, of which the first was read.
        case chunks(ServedFile, [FilePiece], first: ByteBuffer)
    }

    private let status: HTTPResponse.Status
    private let headers: Headers
    private let content: Content

    /// Reads as much of the body as is read at a time, and waits for it.
    init(reading plan: FilePlan) throws(FileProblem) {
        var rest: [FilePiece] = plan.pieces.reversed()
        let first = FilePiece.chunk(from: &rest)
        self.init(
            plan, first.isEmpty ? nil : try FileReading.read(first, of: plan.file.descriptor), isWhole: rest.isEmpty)
    }

    /// Reads it when that needs no wait; else `nil`.
    init?(readingAtOnce plan: FilePlan) throws(FileProblem) {
        var rest: [FilePiece] = plan.pieces.reversed()
        let first = FilePiece.chunk(from: &rest)
        guard !first.isEmpty else {
            self.init(plan, nil, isWhole: true)
            return
        }
        var buffer = ByteBuffer()
        guard plan.file.isReadAtOnce,
            try FileReading.readAtOnce(first, of: plan.file.descriptor, into: &buffer)
        else { return nil }
        self.init(plan, buffer, isWhole: rest.isEmpty)
    }

    /// A page that was made.
    init(page: ByteBuffer, _ headers: Headers, for ask: FileAsk) {
        status = .ok
        var headers = headers
        if ask.isHead { headers.append(.contentLength, "\(page.readableBytes)") }
        self.headers = headers
        content = ask.isHead ? .none : .bytes(page)
    }

    private init(_ plan: FilePlan, _ bytes: ByteBuffer?, isWhole: Bool) {
        status = plan.status
        headers = plan.headers
        guard let bytes else {
            content = .none
            return
        }
        content = isWhole ? .bytes(bytes) : .chunks(plan.file, plan.pieces, first: bytes)
    }

    /// The answer, on the loop of the request.
    func response(in context: RequestContext) -> Response {
        switch content {
        case .none where status.code >= 400: Response(HTTPError(status, headers: headers))
        case .none: Response(status, headers: headers)
        case .bytes(let bytes): Response(status, headers: headers, body: .bytes(bytes))
        case .chunks(let file, let pieces, let first):
            Response(status, headers: headers, body: .stream(FileBody(file, pieces, first: first, in: context)))
        }
    }
}
