# The units of one brand, postern@NAME, from those of a single service.
s|^Description=.*|& for %i|
s|/postern/postern\.yaml|/postern/%i.yaml|
s|^\(RuntimeDirectory\)=postern$|\1=postern-%i|
s|^\(LogsDirectory\)=postern$|\1=postern-%i|
s|/var/log/postern/|/var/log/postern-%i/|
s|^\(User\)=postern$|\1=postern-%i|
s|^\(Group\)=postern$|\1=postern-%i|
s|^\(SocketUser\)=postern$|\1=postern-%i|
s|^\(SocketGroup\)=.*|\1=www-data|
s|%t/postern/|%t/postern-%i/|
s|postern\.socket|postern@%i.socket|g
