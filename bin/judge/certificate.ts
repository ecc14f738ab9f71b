// What the judge's origin shows to the judge's own client, in TLS through a tunnel. Nobody else is meant to trust it, and
// nothing is secret that it protects: its key is for everybody to read.

export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIUeGNNRFgL+OL9HEzAXZh+B9lJ3ZEwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLYmF1dGEganVkZ2UwIBcNMjYxMTI3MTQyNTExWhgPMjEyNjEx
MDMxNDI1MTFaMBYxFDASBgNVBAMMC2JhdXRhIGp1ZGdlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEDL8FbpFrLfWhQBixofIJSDLJDL5cefhp0ojhwDzvm/H6/xcQ
Ww1qdPb3Vw7kYsiUzNrducRhXun2eauC/MYyC6NTMFEwHQYDVR0OBBYEFN0/Uy2R
jSShhdBzn//RMnLTp2/dMB8GA1UdIwQYMBaAFN0/Uy2RjSShhdBzn//RMnLTp2/d
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAKIXtGt3NdMlu90B
/VzSJI5ZP6TKy2wLxsawefxhKu/LAiEA2aBsab/RWLNsJ/ppRzrQMTkMgXJOjK/0
bj/M79JBudc=
-----END CERTIFICATE-----
`;

export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgecXRBPpzaXh3ncVj
jd3YjED23VX5/U6NBg4L6+D44fKhRANCAAQMvwVukWst9aFAGLGh8glIMskMvlx5
+GnSiOHAPO+b8fr/FxBbDWp09vdXDuRiyJTM2t25xGFe6fZ5q4L8xjIL
-----END PRIVATE KEY-----
`;
