/// Where our decoders and NIO's give different verdicts on a sample, by its section, and why ours is right.
enum NIODifferences {
    struct Row {
        var verdicts: String
        var reason: String

        init(_ verdicts: String, _ reason: String) {
            self.verdicts = verdicts
            self.reason = reason
        }
    }

    static let requests: [String: Row] = [:]
    static let responses: [String: Row] = [:]
}
