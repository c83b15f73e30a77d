/// What was seen of a file: decides which version of it counts.
struct FileWatch {
    /// The stamp of a version that was read twice: it need not be read again.
    private(set) var settled: SmallFile.Stamp?
    private var seen: SmallFile.Stamp?
    private var content: [UInt8]?
    private var endpoints: [Endpoint]?
    /// Whether the last version that was read is the one that counts.
    private(set) var isGood = false

    /// Whether there was a good version.
    var hasEndpoints: Bool { endpoints != nil }

    /// There is no file to be read now.
    mutating func miss() {
        (settled, isGood) = (nil, false)
    }

    /// Takes a version; gives its endpoints if they differ from those before.
    mutating func take(_ file: SmallFile) throws(EndpointList.Problem) -> [Endpoint]? {
        let isAnother = seen?.identity != file.stamp.identity
        let isSettled = seen == file.stamp
        seen = file.stamp
        settled = isSettled ? file.stamp : nil
        isGood = file.bytes == content
        guard !isGood, isAnother || isSettled else { return nil }
        let list = try EndpointList(file.bytes)
        isGood = true
        content = file.bytes
        guard list.endpoints != endpoints else { return nil }
        endpoints = list.endpoints
        return list.endpoints
    }
}
