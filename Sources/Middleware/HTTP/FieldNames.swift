public import HTTPTypes

/// Field names that HTTPTypes does not carry and this library needs, as constants so that no call site force-unwraps.
extension HTTPField.Name {
    /// `Forwarded`, RFC 7239.
    public static var forwarded: Self { Constants.forwarded }
    /// `X-Forwarded-For`, the de-facto list of client addresses.
    public static var xForwardedFor: Self { Constants.xForwardedFor }
    /// `X-Forwarded-Host`, the authority that the client asked for.
    public static var xForwardedHost: Self { Constants.xForwardedHost }
    /// `X-Forwarded-Proto`, the scheme that the client used.
    public static var xForwardedProto: Self { Constants.xForwardedProto }
    /// `X-Request-ID`, the de-facto correlation identifier.
    public static var xRequestID: Self { Constants.xRequestID }
    /// `Host`, RFC 9110 section 7.2. Requests carry it as ``Request/authority``, never among their headers.
    public static var host: Self { Constants.host }
    /// `Keep-Alive`, RFC 2068 section 19.7.1.1. Hop-by-hop.
    public static var keepAlive: Self { Constants.keepAlive }
    /// `Proxy-Connection`, never standardised. Hop-by-hop.
    public static var proxyConnection: Self { Constants.proxyConnection }
    /// `Access-Control-Request-Private-Network`, Private Network Access.
    public static var accessControlRequestPrivateNetwork: Self { Constants.accessControlRequestPrivateNetwork }
    /// `Access-Control-Allow-Private-Network`, Private Network Access.
    public static var accessControlAllowPrivateNetwork: Self { Constants.accessControlAllowPrivateNetwork }
    /// `Sec-Fetch-Site`, Fetch Metadata Request Headers: how the origin that asks is related to the one that is asked.
    public static var secFetchSite: Self { Constants.secFetchSite }
    /// `X-Frame-Options`, RFC 7034 and the HTML standard.
    public static var xFrameOptions: Self { Constants.xFrameOptions }
    /// `Referrer-Policy`, Referrer Policy.
    public static var referrerPolicy: Self { Constants.referrerPolicy }
    /// `Permissions-Policy`, Permissions Policy.
    public static var permissionsPolicy: Self { Constants.permissionsPolicy }
    /// `Cross-Origin-Opener-Policy`, the HTML standard.
    public static var crossOriginOpenerPolicy: Self { Constants.crossOriginOpenerPolicy }
    /// `Cross-Origin-Embedder-Policy`, the HTML standard.
    public static var crossOriginEmbedderPolicy: Self { Constants.crossOriginEmbedderPolicy }

    /// `Link`, RFC 8288.
    public static var link: Self { Constants.link }

    /// A name that is known to be a token, spelled in a literal of this library.
    ///
    /// An invalid literal yields `x-invalid-name` rather than a trap; a test walks over every constant.
    package init(literal: StaticString) {
        let text = literal.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        self = HTTPField.Name(text) ?? Constants.invalid
    }

    private enum Constants {
        static let forwarded = HTTPField.Name(literal: "Forwarded")
        static let xForwardedFor = HTTPField.Name(literal: "X-Forwarded-For")
        static let xForwardedHost = HTTPField.Name(literal: "X-Forwarded-Host")
        static let xForwardedProto = HTTPField.Name(literal: "X-Forwarded-Proto")
        static let xRequestID = HTTPField.Name(literal: "X-Request-ID")
        static let host = HTTPField.Name(literal: "Host")
        static let link = HTTPField.Name(literal: "Link")
        static let keepAlive = HTTPField.Name(literal: "Keep-Alive")
        static let proxyConnection = HTTPField.Name(literal: "Proxy-Connection")
        static let accessControlRequestPrivateNetwork = HTTPField.Name(
            literal: "Access-Control-Request-Private-Network")
        static let accessControlAllowPrivateNetwork = HTTPField.Name(literal: "Access-Control-Allow-Private-Network")
        static let secFetchSite = HTTPField.Name(literal: "Sec-Fetch-Site")
        static let xFrameOptions = HTTPField.Name(literal: "X-Frame-Options")
        static let referrerPolicy = HTTPField.Name(literal: "Referrer-Policy")
        static let permissionsPolicy = HTTPField.Name(literal: "Permissions-Policy")
        static let crossOriginOpenerPolicy = HTTPField.Name(literal: "Cross-Origin-Opener-Policy")
        static let crossOriginEmbedderPolicy = HTTPField.Name(literal: "Cross-Origin-Embedder-Policy")
        // Not through `init(literal:)`: that would be this very constant again.
        static let invalid = HTTPField.Name.init("x-invalid-name") ?? .expect
    }
}
