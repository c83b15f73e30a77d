import HTTPTypes

/// A file that was opened, and the head that goes with it.
final class ServedFile: Sendable {
    let descriptor: HeldDescriptor
    let status: FileStatus
    let validators: Preconditions.Validators
    let contentType: String?
    /// The fields of an answer with the whole of it.
    let headers: Headers
    /// Whether it lies there in a coding.
    let isCoded: Bool
    /// How long its validators hold: one that was modified just now has others once that is past.
    let settlesIn: Duration?
    /// Whether reads of it can be told not to wait. Only then it may be touched on a loop at all.
    let isReadAtOnce: Bool

    init(_ descriptor: HeldDescriptor, _ status: FileStatus, named name: FileName, as kind: FileKind, at now: Duration)
    {
        self.descriptor = descriptor
        self.status = status
        isReadAtOnce = FileReading.canReadAtOnce(descriptor)
        validators = status.validators(coding: kind.coding?.name, at: now)
        contentType = kind.contentType
        isCoded = kind.coding != nil
        settlesIn = status.settlesIn(at: now)
        var headers = Headers()
        if let type = kind.contentType { headers.append(.contentType, type) }
        if let coding = kind.coding { headers.append(.contentEncoding, coding.name) }
        if kind.hasVariants { headers.append(.vary, "Accept-Encoding") }
        if let tag = validators.tag { headers.append(.eTag, "\(tag)") }
        if let date = validators.lastModified { headers.append(.lastModified, "\(date)") }
        if kind.hasRanges { headers.append(.acceptRanges, "bytes") }
        if let control = kind.cacheControl { headers.append(.cacheControl, control) }
        self.headers = headers
    }

    /// Whether it is what it was when it was opened: not written to, not deleted, not replaced, not closed to others.
    var isUnchanged: Bool { (try? FileStatus(of: descriptor)) == status }

    /// RFC 9110 section 15.4.5: what a 304 repeats of the fields.
    var headersOfNotModified: Headers {
        var headers = headers
        for name in [HTTPField.Name.contentType, .contentEncoding, .acceptRanges] { headers.remove(name) }
        // Of use to a cache only where there is no tag.
        if validators.tag != nil { headers.remove(.lastModified) }
        return headers
    }
}

/// What is said of a file apart from what the file itself tells.
struct FileKind: Sendable {
    var contentType: String?
    var coding: Files.Coding?
    /// Whether another client could get another coding.
    var hasVariants: Bool
    var hasRanges: Bool
    var cacheControl: String?
}
